//! From a decoder's planes to a model's input.

use benches::FullHd;
use criterion::{Criterion, criterion_group, criterion_main};
use edge_agent::inference::preprocess::{
    ColourOrder, Fitting, InputSpec, Padding, Preprocessor, Region,
};

fn spec(width: u32, height: u32) -> InputSpec {
    InputSpec {
        size: (width, height),
        colour: ColourOrder::Bgr,
        fit: Fitting::LetterboxTopLeft,
        pad: 114.0,
        scale: 1.0,
        mean: [0.0; 3],
        std: [1.0; 3],
    }
}

fn preprocess(c: &mut Criterion) {
    let source = FullHd::new();
    for (name, width, height) in [
        ("1080p-to-416x416", 416, 416),
        ("1080p-to-448x256", 448, 256),
    ] {
        let spec = spec(width, height);
        let mut tensor = vec![0.0; spec.len()];
        let (mut preprocessor, mut padding) = (Preprocessor::new(spec), Padding::default());
        c.bench_function(&format!("preprocess/i420/{name}"), |b| {
            let whole = Region::whole(1920, 1080);
            b.iter(|| preprocessor.run_again(&source.picture(), whole, &mut tensor, &mut padding));
        });
    }
}

criterion_group!(benches, preprocess);
criterion_main!(benches);
