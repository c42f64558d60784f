//! How often and how strictly a camera is looked at for now: set by the ladder when the box has too much to do, read by
//! the gates at every frame. It holds no opinion of its own.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

/// One camera's pace. Shared between its gates and the ladder.
#[derive(Debug)]
pub struct Pace {
    asked: f32,
    /// Bits of the frames a second that are analysed for now; 0 while the camera is paused.
    now: AtomicU32,
    strictness: AtomicU8,
    rests: AtomicBool,
}

impl Pace {
    /// The pace that the configuration asks for: `asked` analysed frames a second, which must be positive.
    pub fn new(asked: f32) -> Pace {
        Pace {
            asked,
            now: AtomicU32::new(asked.to_bits()),
            strictness: AtomicU8::new(0),
            rests: AtomicBool::new(false),
        }
    }

    /// Analysed frames a second, at most, that the configuration asks for.
    pub fn asked(&self) -> f32 {
        self.asked
    }

    /// Analysed frames a second, at most, for now; 0 while the camera is paused.
    pub fn fps(&self) -> f32 {
        f32::from_bits(self.now.load(Ordering::Relaxed))
    }

    /// Changes the pace; 0 pauses the camera.
    pub fn set_fps(&self, fps: f32) {
        self.now
            .store(fps.clamp(0.0, self.asked).to_bits(), Ordering::Relaxed);
    }

    /// Whether nothing of this camera is decoded or analysed for now.
    pub fn is_paused(&self) -> bool {
        self.fps() <= 0.0
    }

    /// Whether second models rest for now.
    pub fn rests(&self) -> bool {
        self.rests.load(Ordering::Relaxed)
    }

    /// Lets second models rest, or look again.
    pub fn set_rests(&self, rests: bool) {
        self.rests.store(rests, Ordering::Relaxed);
    }

    /// How much must move before a gate lets a frame through: 0 as configured, 1 more than that.
    pub fn strictness(&self) -> u8 {
        self.strictness.load(Ordering::Relaxed)
    }

    /// Changes how strict the gates are.
    pub fn set_strictness(&self, strictness: u8) {
        self.strictness.store(strictness, Ordering::Relaxed);
    }
}
