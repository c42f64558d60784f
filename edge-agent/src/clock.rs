//! How far this machine's clock can be trusted, as the kernel's own NTP state says it.
//!
//! Reads only: the clock belongs to chrony, systemd-timesyncd or whoever else keeps it. The one place with a call into the
//! C library by hand, because no well-kept crate reads this state.

use std::io;

use protocol::incident::ClockQuality;

/// What `adjtimex(2)` says of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KernelClock {
    /// The clock state that the call returns, `TIME_OK` to `TIME_ERROR`.
    state: i32,
    /// `STA_*` bits.
    status: i32,
    /// Microseconds.
    estimated_error: i64,
    /// Microseconds; grows by itself while nobody sets the clock.
    greatest_error: i64,
}

/// How far this machine's clock can be trusted now.
pub fn quality() -> ClockQuality {
    match kernel_clock() {
        Ok(clock) => clock.quality(),
        // Who may not even ask (a sandbox) knows nothing.
        Err(_) => ClockQuality {
            synchronised: false,
            estimated_error_ms: None,
        },
    }
}

impl KernelClock {
    fn quality(self) -> ClockQuality {
        let synchronised = self.state != libc::TIME_ERROR && self.status & libc::STA_UNSYNC == 0;
        // timesyncd leaves the estimate at nought and lets the bound grow; chrony sets both.
        let error = if self.estimated_error > 0 {
            self.estimated_error
        } else {
            self.greatest_error
        };
        ClockQuality {
            synchronised,
            estimated_error_ms: synchronised
                .then(|| u32::try_from((error.max(0) + 999) / 1000).unwrap_or(u32::MAX)),
        }
    }
}

#[expect(
    unsafe_code,
    reason = "adjtimex(2) has no safe wrapper that is well kept"
)]
fn kernel_clock() -> io::Result<KernelClock> {
    // SAFETY: `timex` is a C struct of integers: all bits nought is one of its values, and means "change nothing".
    let mut answer: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live `timex` that nobody else holds; with `modes` 0 the kernel only fills it in.
    let state = unsafe { libc::adjtimex(&raw mut answer) };
    if state < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(KernelClock {
        state,
        status: answer.status,
        estimated_error: answer.esterror,
        greatest_error: answer.maxerror,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHRONY: KernelClock = KernelClock {
        state: libc::TIME_OK,
        status: libc::STA_PLL,
        estimated_error: 11_200,
        greatest_error: 48_000,
    };

    #[test]
    fn the_estimate_counts_else_the_bound() {
        let error = |clock: KernelClock| clock.quality().estimated_error_ms;
        assert_eq!(error(CHRONY), Some(12));
        let timesyncd = KernelClock {
            estimated_error: 0,
            ..CHRONY
        };
        assert_eq!(error(timesyncd), Some(48));
    }

    #[test]
    fn a_clock_that_nobody_keeps_is_not_synchronised_and_has_no_error() {
        for clock in [
            KernelClock {
                status: libc::STA_UNSYNC,
                ..CHRONY
            },
            KernelClock {
                state: libc::TIME_ERROR,
                ..CHRONY
            },
        ] {
            let quality = clock.quality();
            assert_eq!(
                (quality.synchronised, quality.estimated_error_ms),
                (false, None)
            );
        }
    }

    #[test]
    fn the_kernel_answers() {
        let clock = kernel_clock().unwrap();
        assert!((libc::TIME_OK..=libc::TIME_ERROR).contains(&clock.state));
        assert!(clock.greatest_error >= 0 && clock.estimated_error >= 0);
    }
}
