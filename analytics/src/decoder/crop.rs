//! Models that look at one crop: a label for it, or an embedding of it.

use super::{DecoderError, Tensor, TensorData, TensorShape};
use crate::attributes::{Answer, unit};

/// What such a model gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CropKind {
    /// One output of a number a label, `[1, labels]` and ones.
    Classifier {
        /// What the numbers are.
        scoring: Scoring,
    },
    /// One output `[1, n]` and ones: a vector whose direction tells objects apart (re-identification).
    Embedding,
}

/// How a classifier's numbers become scores of 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scoring {
    /// They are scores already.
    Scores,
    /// They are logits of labels that exclude each other.
    Softmax,
    /// They are logits of labels of which several may be true.
    Sigmoid,
}

impl CropKind {
    fn name(self) -> &'static str {
        match self {
            CropKind::Classifier { .. } => "classifier",
            CropKind::Embedding => "embedding",
        }
    }
}

impl Scoring {
    fn score(self, number: f32, all: &[f32]) -> f32 {
        match self {
            Scoring::Scores => number.clamp(0.0, 1.0),
            Scoring::Softmax => 1.0 / all.iter().map(|v| (v - number).exp()).sum::<f32>(),
            Scoring::Sigmoid => 1.0 / (1.0 + (-number).exp()),
        }
    }
}

/// Reads the output of such a model.
#[derive(Clone, Copy, Debug)]
pub struct CropDecoder {
    kind: CropKind,
    labels: usize,
}

impl CropDecoder {
    /// Checks the model's outputs.
    ///
    /// # Errors
    /// Outputs that this kind cannot have.
    pub fn new(
        kind: CropKind,
        labels: usize,
        outputs: &[TensorShape],
    ) -> Result<CropDecoder, DecoderError> {
        let decoder = CropDecoder { kind, labels };
        if matches!(kind, CropKind::Classifier { .. }) && labels == 0 {
            return Err(DecoderError::Settings {
                family: kind.name(),
                problem: "labels: must not be empty".to_owned(),
            });
        }
        let known = |dims: &[Option<usize>]| dims.iter().flatten().product::<usize>();
        let suits = match outputs {
            [one] => {
                let open = one.dims.iter().any(Option::is_none);
                open || decoder.length_suits(known(&one.dims))
            }
            _ => false,
        };
        if suits {
            return Ok(decoder);
        }
        let found = outputs.iter().map(|o| format!("{} {:?}", o.name, o.dims));
        Err(decoder.refuse(found.collect::<Vec<_>>().join(", ")))
    }

    /// Whether it gives labels.
    pub fn is_classifier(&self) -> bool {
        matches!(self.kind, CropKind::Classifier { .. })
    }

    /// Checks the outputs of a first inference.
    ///
    /// # Errors
    /// What [`CropDecoder::answer`] would pass over in silence.
    pub fn check(&self, outputs: &[Tensor<'_>]) -> Result<(), DecoderError> {
        if self.numbers(outputs).is_some() {
            return Ok(());
        }
        let found = outputs.iter().map(|o| format!("{:?}", o.shape));
        Err(self.refuse(found.collect::<Vec<_>>().join(", ")))
    }

    /// What the model says; nothing where its numbers are none.
    pub fn answer(&self, outputs: &[Tensor<'_>]) -> Option<Answer> {
        let numbers = self.numbers(outputs)?;
        match self.kind {
            CropKind::Embedding => unit(numbers).map(Answer::Appearance),
            CropKind::Classifier { scoring } => {
                let best = numbers.iter().enumerate().filter(|(_, v)| v.is_finite());
                let (class, most) = best.max_by(|a, b| a.1.total_cmp(b.1))?;
                let score = scoring.score(*most, numbers);
                Some(Answer::Label { class, score })
            }
        }
    }

    /// The score of every label, where the model is a classifier and its numbers are some.
    pub fn scores(&self, outputs: &[Tensor<'_>]) -> Option<Vec<(usize, f32)>> {
        let CropKind::Classifier { scoring } = self.kind else {
            return None;
        };
        let numbers = self.numbers(outputs)?;
        let sound = numbers.iter().all(|v| v.is_finite());
        let score = |v: &f32| scoring.score(*v, numbers);
        sound.then(|| numbers.iter().map(score).enumerate().collect())
    }

    fn numbers<'a>(&self, outputs: &[Tensor<'a>]) -> Option<&'a [f32]> {
        let [one] = outputs else { return None };
        match one.data {
            TensorData::F32(data) if self.length_suits(data.len()) => Some(data),
            _ => None,
        }
    }

    fn length_suits(&self, length: usize) -> bool {
        match self.kind {
            CropKind::Classifier { .. } => length == self.labels,
            CropKind::Embedding => length > 1,
        }
    }

    fn refuse(&self, found: String) -> DecoderError {
        let expected = match self.kind {
            CropKind::Classifier { .. } => format!("one output of {} numbers", self.labels),
            CropKind::Embedding => "one output [1, n]".to_owned(),
        };
        DecoderError::Shape {
            family: self.kind.name(),
            expected,
            found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(dims: &[Option<usize>]) -> TensorShape {
        TensorShape {
            name: "out".to_owned(),
            dims: dims.to_vec(),
        }
    }

    fn answer(kind: CropKind, labels: usize, data: &[f32]) -> Option<Answer> {
        let shape = [1, data.len()];
        let decoder = CropDecoder::new(kind, labels, &[output(&[None, None])]).expect("suits");
        decoder.answer(&[Tensor {
            shape: &shape,
            data: TensorData::F32(data),
        }])
    }

    #[test]
    fn a_classifier_gives_its_likeliest_label() {
        let kind = CropKind::Classifier {
            scoring: Scoring::Scores,
        };
        let expected = Answer::Label {
            class: 1,
            score: 0.7,
        };
        assert_eq!(answer(kind, 3, &[0.2, 0.7, 0.1]), Some(expected));
        let kind = CropKind::Classifier {
            scoring: Scoring::Softmax,
        };
        let Some(Answer::Label { class: 2, score }) = answer(kind, 3, &[0.0, 0.0, 2.0_f32.ln()])
        else {
            panic!("the third");
        };
        assert!((score - 0.5).abs() < 1e-6, "{score}");
        assert_eq!(answer(kind, 3, &[f32::NAN; 3]), None);
    }

    #[test]
    fn an_embedding_has_length_one() {
        let got = answer(CropKind::Embedding, 0, &[3.0, 4.0]);
        assert_eq!(got, Some(Answer::Appearance(vec![0.6, 0.8])));
        assert_eq!(answer(CropKind::Embedding, 0, &[0.0, 0.0]), None);
    }

    #[test]
    fn outputs_that_do_not_suit_are_refused_in_words() {
        let refusal = |kind, labels, outputs: &[TensorShape]| {
            let refused = CropDecoder::new(kind, labels, outputs);
            refused.expect_err("must be refused").to_string()
        };
        let kind = CropKind::Classifier {
            scoring: Scoring::Softmax,
        };
        insta::assert_snapshot!(refusal(kind, 5, &[output(&[Some(1), Some(4)])]), @"classifier expects one output of 5 numbers; the model gives out [Some(1), Some(4)]");
        insta::assert_snapshot!(refusal(kind, 0, &[output(&[Some(1), Some(4)])]), @"classifier: labels: must not be empty");
        insta::assert_snapshot!(refusal(CropKind::Embedding, 0, &[]), @"embedding expects one output [1, n]; the model gives ");
        let decoder = CropDecoder::new(kind, 5, &[output(&[None, None])]).expect("open");
        let wrong = Tensor {
            shape: &[1, 4],
            data: TensorData::F32(&[0.0; 4]),
        };
        insta::assert_snapshot!(decoder.check(&[wrong]).expect_err("4 are not 5"), @"classifier expects one output of 5 numbers; the model gives [1, 4]");
    }
}
