//! Models made by the tests themselves: a classifier of colours, and one that tells things apart by their colour.

use std::{fs, path::Path};

use edge_agent::inference::manifest::{FILE_NAME, sha256_hex};

/// Protocol Buffers: a number.
fn number(field: u8, value: u8) -> Vec<u8> {
    assert!(value < 128);
    vec![field << 3, value]
}

/// Protocol Buffers: bytes, a text or a message.
fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let high = if length < 128 {
        vec![length as u8]
    } else {
        vec![(length & 127) as u8 | 128, (length >> 7) as u8]
    };
    [vec![field << 3 | 2], high, content.to_vec()].concat()
}

/// A tensor of floats in the graph's list of inputs or outputs (onnx.proto: ValueInfoProto).
fn tensor(name: &str, dims: &[u8]) -> Vec<u8> {
    let shape: Vec<u8> = dims
        .iter()
        .flat_map(|dim| bytes(1, &number(1, *dim)))
        .collect();
    let tensor = [number(1, 1), bytes(2, &shape)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
}

/// A graph of one node, as an ONNX file.
fn onnx(operator: &str, attributes: &[Vec<u8>], crop: &[u8], scores: &[u8]) -> Vec<u8> {
    let node = [
        bytes(1, b"crop"),
        bytes(2, b"scores"),
        bytes(4, operator.as_bytes()),
        attributes.concat(),
    ];
    let graph = [
        bytes(1, &node.concat()),
        bytes(2, b"colours"),
        bytes(11, &tensor("crop", crop)),
        bytes(12, &tensor("scores", scores)),
    ];
    let opset = [bytes(1, b""), number(2, 13)].concat();
    [number(1, 8), bytes(7, &graph.concat()), bytes(8, &opset)].concat()
}

/// Writes a model's folder.
fn write(models: &Path, name: &str, weights: &[u8], rest: &str) {
    let folder = models.join(name);
    fs::create_dir_all(&folder).unwrap();
    let manifest = format!(
        "name = \"{name}\"\ntitle = \"Made by a test\"\nlicence = \"MIT\"\nfile = \"made.onnx\"\nsha256 = \"{}\"\n{rest}",
        sha256_hex(weights)
    );
    fs::write(folder.join("made.onnx"), weights).unwrap();
    fs::write(folder.join(FILE_NAME), manifest).unwrap();
}

/// Puts the classifier into the folder of models: the mean of each channel is the score of its label.
pub(crate) fn write_model(models: &Path) {
    let weights = onnx("GlobalAveragePool", &[], &[1, 3, 32, 16], &[1, 3, 1, 1]);
    let rest = "labels = [\"red\", \"green\", \"blue\"]\n\
         [input]\nname = \"crop\"\nsize = [16, 32]\ncolour = \"rgb\"\nfit = \"stretch\"\nscale = 0.00392156862745098\n\
         [decoder]\nfamily = \"classifier\"\nsoftmax = false\n";
    write(models, "colours", &weights, rest);
}

/// Puts the embedding `alike` into the folder of models: the mean colour of a crop that is handed over pixel by pixel.
#[allow(dead_code, reason = "not every test that makes models makes this one")]
pub(crate) fn write_embedding(models: &Path) {
    // onnx.proto, AttributeProto: axes = [1, 2] and keepdims = 0; `type` is field 20, INTS 7 and INT 2.
    let kind = |kind: u8| vec![0xA0, 0x01, kind];
    let axes = [bytes(1, b"axes"), number(8, 1), number(8, 2), kind(7)].concat();
    let keepdims = [bytes(1, b"keepdims"), number(3, 0), kind(2)].concat();
    let attributes = [bytes(5, &axes), bytes(5, &keepdims)];
    let weights = onnx("ReduceMean", &attributes, &[1, 32, 16, 3], &[1, 3]);
    let rest = "[input]\nname = \"crop\"\nsize = [16, 32]\nchannels_last = true\ncolour = \"rgb\"\nfit = \"stretch\"\n\
         [decoder]\nfamily = \"embedding\"\n";
    write(models, "alike", &weights, rest);
}
