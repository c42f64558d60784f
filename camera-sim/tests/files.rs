//! What is written to disk: training pictures and clips, the same bytes for the same seed.

use std::path::Path;

use camera_sim::random::frames::{Order, write};
use camera_sim::render;
use camera_sim::scene::Scene;
use camera_sim::space::Size;

fn frames(out: &Path, seed: u64, jobs: usize) -> Vec<Vec<u8>> {
    let size = Size {
        width: 256,
        height: 144,
    };
    write(
        &Order {
            count: 10,
            seed,
            size,
            out: out.to_owned(),
            jobs,
        },
        &|_| (),
    )
    .expect("a temporary folder can be written and read");
    let mut names: Vec<_> = std::fs::read_dir(out)
        .expect("a temporary folder can be written and read")
        .map(|e| {
            e.expect("a temporary folder can be written and read")
                .path()
        })
        .collect();
    names.sort();
    assert_eq!(names.len(), 11, "ten pictures and their labels");
    names
        .iter()
        .map(|p| std::fs::read(p).expect("a temporary folder can be written and read"))
        .collect()
}

#[test]
fn training_pictures_follow_from_the_seed_and_not_from_the_threads() {
    let dir = tempfile::tempdir().unwrap();
    let first = frames(&dir.path().join("a"), 7, 1);
    assert_eq!(first, frames(&dir.path().join("b"), 7, 2));
    assert_ne!(first, frames(&dir.path().join("c"), 8, 2));
}

#[test]
fn labels_name_the_pictures_and_stay_inside_them() {
    let dir = tempfile::tempdir().unwrap();
    frames(dir.path(), 5, 2);
    let text = std::fs::read_to_string(dir.path().join("labels.jsonl")).unwrap();
    let mut objects = 0;
    for (i, line) in text.lines().enumerate() {
        let label: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(label["file"], format!("{:06}.jpg", i + 1));
        let picture = image::open(dir.path().join(label["file"].as_str().unwrap())).unwrap();
        assert_eq!(
            (u64::from(picture.width()), u64::from(picture.height())),
            (
                label["width"].as_u64().unwrap(),
                label["height"].as_u64().unwrap()
            )
        );
        for object in label["objects"].as_array().unwrap() {
            let b: Vec<f64> = object["box"]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_f64().unwrap())
                .collect();
            assert!(
                b[0] >= 0.0
                    && b[1] >= 0.0
                    && b[2] > 0.0
                    && b[3] > 0.0
                    && b[0] + b[2] <= 256.01
                    && b[1] + b[3] <= 144.01,
                "{object}"
            );
            objects += 1;
        }
    }
    assert!(objects > 10, "{objects} objects in ten pictures");
}

#[test]
fn a_clip_is_the_same_file_twice_and_is_cached() {
    let text = "title = \"t\"\nseed = 3\nduration_s = 2.0\nfps = 10.0\nsize = [160, 96]\n\
                [camera]\nat = [0, 0]\nheight = 6\npitch_deg = 25\nyaw_deg = 0\nfov_deg = 70\n\
                [[actors]]\nname = \"w\"\nkind = \"car\"\npath = [[-8, 13], [8, 13]]\n";
    let scene = Scene::parse("t", Path::new("t.toml"), text).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.mp4"), dir.path().join("b.mp4"));
    render::encode(&scene, &a, &mut |_, _| ()).unwrap();
    render::encode(&scene, &b, &mut |_, _| ()).unwrap();
    let bytes = std::fs::read(&a).unwrap();
    assert_eq!(bytes, std::fs::read(&b).unwrap());
    assert!(bytes.windows(4).any(|w| w == b"avc1"), "H.264 in MP4");
    let cached = render::cached(&scene, &dir.path().join("cache")).unwrap();
    assert_eq!(bytes, std::fs::read(&cached).unwrap());
    let written = std::fs::metadata(&cached).unwrap().modified().unwrap();
    assert_eq!(
        render::cached(&scene, &dir.path().join("cache")).unwrap(),
        cached
    );
    assert_eq!(
        std::fs::metadata(&cached).unwrap().modified().unwrap(),
        written,
        "rendered once only"
    );
}
