//! RTP and RTCP on the wire (RFC 3550), as far as a camera sends them. Pure bytes: no socket, no clock.

use jiff::Timestamp;

/// Payload type of all streams here: the first dynamic one (RFC 3551).
pub(super) const PAYLOAD_TYPE: u8 = 96;
/// RTP ticks a second of all video codecs here.
pub(super) const TICKS: u64 = 90_000;
/// A fixed RTP header without contributing sources.
const HEADER: usize = 12;
/// Between NTP's epoch (1900) and Unix' (1970), seconds.
const NTP_TO_UNIX: i128 = 2_208_988_800;

/// What stays the same of a packet however often it is sent.
#[derive(Clone, Debug)]
pub(super) struct Payload {
    marker: bool,
    bytes: Vec<u8>,
}

impl Payload {
    /// From a payloader's packet; its RTP time beside it. None where it is no plain RTP packet.
    pub(super) fn of_packet(packet: &[u8]) -> Option<(u32, Self)> {
        let (header, bytes) = packet.split_at_checked(HEADER)?;
        // Version 2, no padding, no extension, no contributing sources.
        if header.first() != Some(&0x80) {
            return None;
        }
        let time = u32::from_be_bytes(header.get(4..8)?.try_into().ok()?);
        let marker = header.get(1)? & 0x80 != 0;
        let bytes = bytes.to_vec();
        Some((time, Payload { marker, bytes }))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A packet of its own.
    pub(super) fn packet(&self, sequence: u16, time: u32, ssrc: u32) -> Vec<u8> {
        let mut packet = Vec::with_capacity(HEADER + self.bytes.len());
        packet.push(0x80);
        packet.push(PAYLOAD_TYPE | (u8::from(self.marker) << 7));
        packet.extend(sequence.to_be_bytes());
        packet.extend(time.to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend(&self.bytes);
        packet
    }
}

/// Where a packet's payload begins.
pub(super) fn payload_of(packet: &mut [u8]) -> &mut [u8] {
    packet.get_mut(HEADER..).unwrap_or_default()
}

/// A sender report with the name that RFC 3550 wants beside it.
pub(super) fn sender_report(
    ssrc: u32,
    wall: Timestamp,
    time: u32,
    packets: u32,
    bytes: u32,
) -> Vec<u8> {
    let mut report = vec![0x80, 200, 0, 6];
    report.extend(ssrc.to_be_bytes());
    report.extend(ntp(wall).to_be_bytes());
    for word in [time, packets, bytes] {
        report.extend(word.to_be_bytes());
    }
    // SDES: one chunk, CNAME "camera", and the zero that ends the chunk padded to whole words.
    report.extend([0x81, 202, 0, 4]);
    report.extend(ssrc.to_be_bytes());
    report.extend([1, 6]);
    report.extend(b"camera");
    report.extend([0; 4]);
    report
}

/// Seconds since 1900 in the upper half, their fraction in the lower; the seconds wrap in 2036.
fn ntp(wall: Timestamp) -> u64 {
    let nanoseconds = wall.as_nanosecond() + NTP_TO_UNIX * 1_000_000_000;
    let seconds = nanoseconds.div_euclid(1_000_000_000) as u32;
    let fraction = (nanoseconds.rem_euclid(1_000_000_000) << 32) / 1_000_000_000;
    (u64::from(seconds) << 32) | (fraction as u64 & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_sent_anew_keeps_its_payload_and_marker() {
        let mut packet = vec![0x80, 0x80 | 26, 0, 9, 0, 0, 0, 7, 1, 2, 3, 4];
        packet.extend(b"payload");
        let (time, payload) = Payload::of_packet(&packet).unwrap();
        assert_eq!((time, payload.bytes()), (7, b"payload".as_slice()));
        let mut again = payload.packet(0xfffe, 0x0102_0304, 5);
        assert_eq!(
            again[..HEADER],
            [0x80, 0x80 | 96, 0xff, 0xfe, 1, 2, 3, 4, 0, 0, 0, 5]
        );
        assert_eq!(payload_of(&mut again), b"payload");
        assert!(Payload::of_packet(&packet[..11]).is_none());
    }

    #[test]
    fn a_report_says_the_time_as_ntp_does() {
        let wall: Timestamp = "1970-01-01T00:00:00.5Z".parse().unwrap();
        assert_eq!(ntp(wall), (2_208_988_800 << 32) | (1 << 31));
        let report = sender_report(1, wall, 2, 3, 4);
        // Both packets say their length in words less one.
        assert_eq!(report.len(), (6 + 1 + 4 + 1) * 4);
        assert_eq!(report[28..32], [0x81, 202, 0, 4]);
    }
}
