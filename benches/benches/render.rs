//! One picture of a simulated street, by day and in the worst weather.

use std::path::Path;

use camera_sim::scene::{Renderer, Scene};
use criterion::{Criterion, criterion_group, criterion_main};

/// Everything that costs time at once: a wet night with a fire, wind and a poor camera.
const WORST: &str = "[light]\ndaylight = \"night\"\n\
    [weather]\nrain = 0.9\nwind = 0.8\n\
    [lens]\nshake = 0.6\nhunting = 0.5\ninsects = 0.7\ncompression = 0.4\nnoise = 0.3\n\
    [[fires]]\nat = [-6, 12]\nfrom_s = 5.0\nuntil_s = 44.0\nsize = 1.4\n";

fn crossroads(sky: Option<&str>) -> Scene {
    let day = Scene::load("crossroads").expect("the scene ships");
    let Some(sky) = sky else { return day };
    let (head, rest) = day.text().split_once("[light]").expect("it has light");
    let world = rest.find("[world]").expect("it has a world");
    let text = format!("{head}{}{sky}", &rest[world..]);
    Scene::parse("worst", Path::new("worst.toml"), &text).expect("its keys are documented")
}

fn render(c: &mut Criterion) {
    for (name, sky) in [("day", None), ("worst-weather", Some(WORST))] {
        let scene = crossroads(sky);
        let renderer = Renderer::new(&scene);
        let mut index = 0;
        c.bench_function(&format!("render/1280x720/{name}"), |b| {
            b.iter(|| {
                index = (index + 37) % scene.frames();
                renderer.render(index)
            });
        });
    }
}

criterion_group!(benches, render);
criterion_main!(benches);
