//! From a finished message to one that survives a power cut.

use std::{collections::HashSet, path::Path};

use benches::uplink::{Uplink, record};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use edge_agent::spool::{Quota, SpoolError, Store};
use uuid::Uuid;

/// Who append at the same time.
const ASKERS: usize = 64;

/// A spool on the disk of the build: a folder for temporary files may be memory, which has nothing to sync.
fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let dir = dir.expect("the build's folder can be written");
    let path = dir.path().join("spool.db");
    let store = Store::open(&path, Quota::default(), Uuid::new_v4()).expect("the spool opens");
    (dir, store)
}

/// Appends `count` records in one commit.
fn append(store: &mut Store, count: usize) -> Result<(), SpoolError> {
    store.transaction(|store| (0..count).try_for_each(|_| store.append(record()).map(drop)))
}

fn spool(c: &mut Criterion) {
    let mut group = c.benchmark_group("spool");
    for count in [1, 50] {
        let (_dir, mut store) = store();
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("append/{count}-in-a-commit"), |b| {
            b.iter(|| append(&mut store, count).expect("the disk works"));
        });
    }
    // Through the spool's thread, each asker waiting for its own message to be durable before the next.
    let uplink = Uplink::open().expect("the spool opens");
    group.throughput(Throughput::Elements(1024));
    group.bench_function(format!("append/1024-by-{ASKERS}-askers"), |b| {
        b.iter(|| {
            uplink
                .append_by(ASKERS, 1024 / ASKERS)
                .expect("the disk works")
        });
    });
    let (_dir, mut store) = store();
    append(&mut store, 10_000).expect("the disk works");
    group.throughput(Throughput::Elements(64));
    group.bench_function("pending/64-of-10000", |b| {
        b.iter_batched(
            HashSet::new,
            |skip| store.pending(64, &skip).expect("the disk works"),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, spool);
criterion_main!(benches);
