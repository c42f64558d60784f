//! One model, loaded and checked, on one session with one thread.
//!
//! Everything that can be wrong with a model file (its hash, its inputs, its outputs) is found when it is loaded, by its
//! declared shapes and by one run on an empty picture; after that a picture can only fail by a fault of the library.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use analytics::{
    attributes::Answer,
    decoder::{DecoderError, Fit, Tensor, TensorData, TensorShape},
    detection::Detection,
    geometry::Rect,
};
use ort::{
    session::{Session, SessionInputValue, SessionOutputs},
    value::{Outlet, Tensor as OrtTensor, TensorElementType, ValueType},
};

pub use super::head::Role;
use super::{
    head::Head,
    manifest::{Manifest, ManifestError},
    preprocess::{Padding, Preprocessor, Region},
    runtime::Runtime,
    tiles,
};
use crate::{camera::picture::Picture, cpu};

/// Why a model is not used, or a run of it failed. Loading errors name the file.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Its manifest or its weights.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The library cannot read the weights.
    #[error("{weights}: not a model that the ONNX Runtime can open: {message}", weights = weights.display())]
    Open {
        /// The weights.
        weights: PathBuf,
        /// What the library says.
        message: String,
    },
    /// The inputs are not those that the manifest describes.
    #[error("{weights}: {path} expects {expected}; the model has {found}", weights = weights.display(), path = path.display())]
    Input {
        /// The weights.
        weights: PathBuf,
        /// The manifest.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What the model has.
        found: String,
    },
    /// The outputs do not suit the decoder.
    #[error("{weights}: outputs: {source}", weights = weights.display())]
    Outputs {
        /// The weights.
        weights: PathBuf,
        /// What was expected and found.
        source: DecoderError,
    },
    /// It is asked for what it does not do.
    #[error("model {name} {does}")]
    Role {
        /// The model.
        name: String,
        /// What it does, and where it belongs.
        does: &'static str,
    },
    /// A run failed.
    #[error("model {name}: {message}")]
    Run {
        /// The model.
        name: String,
        /// What the library says.
        message: String,
    },
}

/// What looks at pictures cost of a core.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Scaling and conversion.
    pub preprocess: Duration,
    /// The model itself.
    pub infer: Duration,
    /// Decoding and suppression.
    pub decode: Duration,
    /// How long the model took by the clock on the wall.
    pub took: Duration,
}

/// A model that is ready to look at pictures.
pub struct Model {
    name: String,
    labels: Arc<[String]>,
    sha256: String,
    session: Session,
    preprocessor: Preprocessor,
    head: Head,
    images: OrtTensor<f32>,
    /// The picture one colour after another, where the model wants them pixel by pixel.
    planes: Option<Vec<f32>>,
    padding: Padding,
    sizes: Option<OrtTensor<i64>>,
    /// Place of the picture among the session's inputs, where there are two.
    images_first: bool,
    cost: Cost,
}

impl Model {
    /// Loads the model of the folder `models_dir/name`; weights are looked for beside its manifest, then in `search`.
    ///
    /// # Errors
    /// Everything that can be known to be wrong before the first picture.
    pub fn load(
        runtime: &Runtime,
        models_dir: &Path,
        name: &str,
        search: &[PathBuf],
    ) -> Result<Model, ModelError> {
        let manifest = Manifest::load(&models_dir.join(name))?;
        Model::open(runtime, &manifest, search)
    }

    /// Opens the model that a manifest describes.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn open(
        runtime: &Runtime,
        manifest: &Manifest,
        search: &[PathBuf],
    ) -> Result<Model, ModelError> {
        let (weights, bytes) = manifest.weights(search)?;
        let session = session(runtime, &bytes).map_err(|e| ModelError::Open {
            weights: weights.clone(),
            message: e.to_string(),
        })?;
        check_inputs(manifest, &weights, session.inputs())?;
        let refused = |source| ModelError::Outputs {
            weights: weights.clone(),
            source,
        };
        let head = Head::new(manifest, &shapes(session.outputs())).map_err(refused)?;
        let (w, h) = manifest.spec.size;
        let failed = |e: ort::Error| run_error(&manifest.name, &e);
        let empty = || vec![0.0_f32; manifest.spec.len()];
        let images = OrtTensor::from_array((shape(manifest), empty()));
        let sizes = (manifest.size_input.as_ref())
            .map(|_| OrtTensor::from_array(([1_usize, 2], vec![i64::from(w), i64::from(h)])))
            .transpose()
            .map_err(failed)?;
        let images_first = session.inputs().first().map(Outlet::name) == Some(&manifest.input);
        let mut model = Model {
            name: manifest.name.clone(),
            labels: manifest.labels.clone().into(),
            sha256: manifest.sha256.clone(),
            preprocessor: Preprocessor::new(manifest.spec.clone()),
            head,
            images: images.map_err(failed)?,
            planes: manifest.channels_last.then(empty),
            padding: Padding::default(),
            sizes,
            images_first,
            session,
            cost: Cost::default(),
        };
        model.check_outputs(&weights)?;
        Ok(model)
    }

    /// Its name in the catalogue.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its labels; a class is its place in this list.
    pub fn labels(&self) -> &Arc<[String]> {
        &self.labels
    }

    /// SHA-256 of its weights.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Refuses it for what it does not do.
    ///
    /// # Errors
    /// [`ModelError::Role`].
    pub fn check_role(&self, role: Role) -> Result<(), ModelError> {
        self.head.suits(role).map_err(|does| ModelError::Role {
            name: self.name.clone(),
            does,
        })
    }

    /// What all looks since the last call of this cost together.
    pub fn take_cost(&mut self) -> Cost {
        std::mem::take(&mut self.cost)
    }

    /// Replaces the contents of `out` by what the model sees in the picture: the whole, and `tiles` columns and rows of
    /// it where that is more than (1, 1). Scores are at least `min_score`.
    ///
    /// # Errors
    /// A fault of the library; `out` is then not to be used.
    pub fn detect(
        &mut self,
        picture: &Picture<'_>,
        tiles: (u8, u8),
        min_score: f32,
        out: &mut Vec<Detection>,
    ) -> Result<(), ModelError> {
        out.clear();
        let size = (picture.width, picture.height);
        if tiles.0.max(tiles.1) <= 1 {
            return self.look(picture, Region::whole(size.0, size.1), min_score, out);
        }
        for region in tiles::regions(size, tiles) {
            let from = out.len();
            self.look(picture, region, min_score, out)?;
            tiles::place(region, size, out, from);
        }
        tiles::merge(out);
        Ok(())
    }

    /// Appends what the model sees in one region, in coordinates of the region.
    fn look(
        &mut self,
        picture: &Picture<'_>,
        region: Region,
        min_score: f32,
        out: &mut Vec<Detection>,
    ) -> Result<(), ModelError> {
        self.check_role(Role::Objects)?;
        self.run_on(picture, region, |head, tensors, fit| {
            if let Head::Detector(decoder) = head {
                decoder.decode(tensors, fit, min_score, out);
            }
        })
    }

    /// What the model says of the part of the picture in `rect`, of which a little is taken more for even edges; nothing where
    /// that is empty or its numbers are none.
    ///
    /// # Errors
    /// A fault of the library, or a model that looks at whole pictures.
    pub fn look_at(
        &mut self,
        picture: &Picture<'_>,
        rect: Rect,
    ) -> Result<Option<Answer>, ModelError> {
        self.check_role(Role::Crops)?;
        let Some(region) = Region::around(rect, (picture.width, picture.height)) else {
            return Ok(None);
        };
        self.run_on(picture, region, |head, tensors, _| match head {
            Head::Crop(decoder) => decoder.answer(tensors),
            Head::Detector(_) => None,
        })
    }

    /// The score of every label for the picture as a whole; nothing where its numbers are none.
    ///
    /// # Errors
    /// A fault of the library, or a model that is no classifier.
    pub fn look_whole(
        &mut self,
        picture: &Picture<'_>,
    ) -> Result<Option<Vec<(usize, f32)>>, ModelError> {
        self.check_role(Role::Pictures)?;
        let region = Region::whole(picture.width, picture.height);
        self.run_on(picture, region, |head, tensors, _| match head {
            Head::Crop(decoder) => decoder.scores(tensors),
            Head::Detector(_) => None,
        })
    }

    /// Runs it on a region and hands its outputs to `read`.
    fn run_on<R>(
        &mut self,
        picture: &Picture<'_>,
        region: Region,
        read: impl FnOnce(&mut Head, &[Tensor<'_>], &Fit) -> R,
    ) -> Result<R, ModelError> {
        let began = cpu::thread_time();
        let (_, tensor) = self.images.extract_tensor_mut();
        let planes = self.planes.as_deref_mut();
        let fit = match planes {
            None => (self.preprocessor).run_again(picture, region, tensor, &mut self.padding),
            Some(planes) => {
                let fit = (self.preprocessor).run_again(picture, region, planes, &mut self.padding);
                interleave(planes, tensor);
                fit
            }
        };
        if let Some(sizes) = &mut self.sizes {
            let (_, values) = sizes.extract_tensor_mut();
            values.copy_from_slice(&[i64::from(region.width), i64::from(region.height)]);
        }
        let (prepared, run_began) = (cpu::thread_time(), Instant::now());
        let failed = |e: &ort::Error| run_error(&self.name, e);
        let outputs = run(
            &mut self.session,
            &self.images,
            self.sizes.as_ref(),
            self.images_first,
        )
        .map_err(|e| failed(&e))?;
        self.cost.took += run_began.elapsed();
        let ran = cpu::thread_time();
        let result = with_tensors(&outputs, |tensors| read(&mut self.head, tensors, &fit))
            .map_err(|e| failed(&e))?;
        self.cost.preprocess += prepared.saturating_sub(began);
        self.cost.infer += ran.saturating_sub(prepared);
        self.cost.decode += cpu::thread_time().saturating_sub(ran);
        Ok(result)
    }

    /// One run on an empty picture: dimensions that the model left open are known only then.
    fn check_outputs(&mut self, weights: &Path) -> Result<(), ModelError> {
        let failed = |e: &ort::Error| run_error(&self.name, e);
        let outputs = run(
            &mut self.session,
            &self.images,
            self.sizes.as_ref(),
            self.images_first,
        )
        .map_err(|e| failed(&e))?;
        let verdict = with_tensors(&outputs, |tensors| self.head.check(tensors));
        verdict
            .map_err(|e| failed(&e))?
            .map_err(|source| ModelError::Outputs {
                weights: weights.to_owned(),
                source,
            })
    }
}

/// Shape of the input that takes the picture.
fn shape(manifest: &Manifest) -> [usize; 4] {
    let (w, h) = manifest.spec.size;
    let (w, h) = (w as usize, h as usize);
    match manifest.channels_last {
        true => [1, h, w, 3],
        false => [1, 3, h, w],
    }
}

/// One colour after another -> pixel by pixel.
fn interleave(planes: &[f32], pixels: &mut [f32]) {
    for (channel, plane) in planes.chunks_exact(planes.len() / 3).enumerate() {
        let places = pixels.iter_mut().skip(channel).step_by(3);
        places.zip(plane).for_each(|(pixel, value)| *pixel = *value);
    }
}

fn run_error(name: &str, error: &ort::Error) -> ModelError {
    ModelError::Run {
        name: name.to_owned(),
        message: error.to_string(),
    }
}

/// One thread a session scales better over sessions than several threads in one, and a daemon that shares its box must
/// not spin while it waits (docs/decisions).
fn session(runtime: &Runtime, bytes: &[u8]) -> ort::Result<Session> {
    let session = Session::builder(&runtime.environment)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?;
    runtime
        .provider
        .register(session)?
        .commit_from_memory(bytes)
}

fn run<'s>(
    session: &'s mut Session,
    images: &OrtTensor<f32>,
    sizes: Option<&OrtTensor<i64>>,
    images_first: bool,
) -> ort::Result<SessionOutputs<'s>> {
    let images = SessionInputValue::from(images);
    match sizes.map(SessionInputValue::from) {
        None => session.run([images]),
        Some(sizes) if images_first => session.run([images, sizes]),
        Some(sizes) => session.run([sizes, images]),
    }
}

/// Hands the outputs to `f` as plain slices, in the order of the model.
fn with_tensors<R>(
    outputs: &SessionOutputs<'_>,
    f: impl FnOnce(&[Tensor<'_>]) -> R,
) -> ort::Result<R> {
    let values: Vec<_> = outputs.values().collect();
    let mut shapes: Vec<Vec<usize>> = Vec::with_capacity(values.len());
    let mut data = Vec::with_capacity(values.len());
    for value in &values {
        let (shape, elements) = match value.dtype().tensor_type() {
            Some(TensorElementType::Int64) => {
                let (shape, elements) = value.try_extract_tensor::<i64>()?;
                (shape, TensorData::I64(elements))
            }
            _ => {
                let (shape, elements) = value.try_extract_tensor::<f32>()?;
                (shape, TensorData::F32(elements))
            }
        };
        shapes.push(
            shape
                .iter()
                .map(|d| usize::try_from(*d).unwrap_or(0))
                .collect(),
        );
        data.push(elements);
    }
    let tensors: Vec<Tensor<'_>> = shapes
        .iter()
        .zip(data)
        .map(|(shape, data)| Tensor { shape, data })
        .collect();
    Ok(f(&tensors))
}

fn shapes(outputs: &[Outlet]) -> Vec<TensorShape> {
    outputs
        .iter()
        .map(|output| TensorShape {
            name: output.name().to_owned(),
            dims: dims(output)
                .iter()
                .map(|d| usize::try_from(*d).ok())
                .collect(),
        })
        .collect()
}

/// Declared dimensions, -1 where open; none where it is no tensor.
fn dims(outlet: &Outlet) -> &[i64] {
    match outlet.dtype() {
        ValueType::Tensor { shape, .. } => shape,
        _ => &[],
    }
}

fn check_inputs(manifest: &Manifest, weights: &Path, inputs: &[Outlet]) -> Result<(), ModelError> {
    let shape = shape(manifest).map(|side| i64::try_from(side).unwrap_or_default());
    let mut expected = vec![(
        manifest.input.as_str(),
        TensorElementType::Float32,
        shape.to_vec(),
    )];
    if let Some(name) = &manifest.size_input {
        expected.push((name, TensorElementType::Int64, vec![1, 2]));
    }
    let fits = |input: &Outlet| {
        expected.iter().any(|(name, element, shape)| {
            let found = dims(input);
            input.name() == *name
                && input.dtype().tensor_type() == Some(*element)
                && found.len() == shape.len()
                && found.iter().zip(shape).all(|(f, e)| *f < 0 || f == e)
        })
    };
    if inputs.len() == expected.len() && inputs.iter().all(fits) {
        return Ok(());
    }
    let expected: Vec<String> = expected
        .iter()
        .map(|(name, element, shape)| format!("{name} {element} {shape:?}"))
        .collect();
    let found: Vec<String> = inputs
        .iter()
        .map(|input| match input.dtype().tensor_type() {
            Some(element) => format!("{} {element} {:?}", input.name(), dims(input)),
            None => format!("{} (no tensor)", input.name()),
        })
        .collect();
    Err(ModelError::Input {
        weights: weights.to_owned(),
        path: manifest.path.clone(),
        expected: format!("inputs {}", expected.join(", ")),
        found: found.join(", "),
    })
}
