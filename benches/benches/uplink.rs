//! From messages that are to be sent to messages that the broker has taken and the spool has deleted.

use benches::uplink::Uplink;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn uplink(c: &mut Criterion) {
    let mut uplink = Uplink::open().expect("the spool opens");
    uplink.connect().expect("Mosquitto is installed");
    let mut group = c.benchmark_group("uplink");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("published-and-acknowledged/1000", |b| {
        b.iter(|| {
            uplink.append(1000).expect("the disk works");
            uplink.drained_to(0).expect("the spool works")
        });
    });
    group.finish();
}

criterion_group!(benches, uplink);
criterion_main!(benches);
