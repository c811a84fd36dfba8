//! Where in the frames of a WebSocket its server is: between two of them, another one fits in.
//!
//! Only what the server sends is followed, and of that only the first bytes of each frame (RFC 6455, 5.2).

/// "Service restart" (the registry of RFC 6455, 7.4): a client is to come again.
const SERVICE_RESTART: u16 = 1012;

/// How a response that changes the protocol begins, and how its head ends.
const SWITCHING: &[u8] = b"HTTP/1.1 101 ";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// The operation that closes.
const CLOSE: u8 = 0x8;

/// The longest begin of a frame: two bytes, a length of eight, a mask of four.
const LONGEST: usize = 14;

/// A whole frame that closes, as a server sends it: without a mask.
pub(crate) fn close_frame() -> [u8; 4] {
    let [high, low] = SERVICE_RESTART.to_be_bytes();
    [0x80 | CLOSE, 2, high, low]
}

/// Where in its frames a server is.
#[derive(Debug, Clone)]
pub(crate) enum Frames {
    /// The head of the response has not been sent to its end. What matches of its begin and of its end.
    Head { begin: usize, end: usize },
    /// So many of a frame's first bytes were sent; none of them between two frames.
    Begin { bytes: [u8; LONGEST], sent: usize },
    /// In a frame's payload.
    Payload { left: u64, operation: u8 },
    /// The server has closed, and sends nothing any more.
    Closed,
}

impl Frames {
    /// Before the head of the response.
    pub(crate) fn new() -> Self {
        Self::Head { begin: 0, end: 0 }
    }

    const fn between() -> Self {
        Self::Begin { bytes: [0; LONGEST], sent: 0 }
    }

    /// Whether a frame of somebody else's can be sent now.
    pub(crate) fn is_between(&self) -> bool {
        matches!(self, Self::Begin { sent: 0, .. })
    }

    /// Whether the server has closed.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// How many of these bytes belong to the frame that has begun.
    pub(crate) fn to_end(&self, bytes: &[u8]) -> usize {
        if self.is_between() { 0 } else { self.clone().step(bytes) }
    }

    /// These bytes were sent.
    pub(crate) fn sent(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_closed() {
            bytes = &bytes[self.step(bytes)..];
        }
    }

    /// Goes on to the next place between two frames, or to the end of the bytes. Returns how many it took.
    fn step(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(byte) = bytes.get(taken) {
            match self {
                Self::Head { begin, end } => {
                    if *begin < SWITCHING.len() {
                        *begin = matched(SWITCHING, *begin, *byte);
                    } else {
                        *end = matched(END_OF_HEAD, *end, *byte);
                    }
                    taken += 1;
                    if *end == END_OF_HEAD.len() {
                        *self = Self::between();
                        return taken;
                    }
                }
                Self::Begin { bytes, sent } => {
                    bytes[*sent] = *byte;
                    *sent += 1;
                    taken += 1;
                    if let Some((left, operation)) = payload(&bytes[..*sent]) {
                        *self = Self::Payload { left, operation };
                    }
                }
                Self::Payload { left, .. } => {
                    let rest = bytes.len() - taken;
                    let part = usize::try_from(*left).map_or(rest, |left| left.min(rest));
                    *left -= part as u64;
                    taken += part;
                }
                Self::Closed => return bytes.len(),
            }
            if let Self::Payload { left: 0, operation } = self {
                *self = if *operation == CLOSE { Self::Closed } else { Self::between() };
                return taken;
            }
        }
        taken
    }
}

/// How many bytes of a pattern match, after one more. Where that one does not, it can only be the first of
/// another try: neither pattern begins anew further on with what the rest of it does not go on with.
fn matched(pattern: &[u8], so_far: usize, byte: u8) -> usize {
    if pattern[so_far] == byte { so_far + 1 } else { usize::from(pattern[0] == byte) }
}

/// The length of the payload and the operation, where the first bytes of a frame are complete.
fn payload(begin: &[u8]) -> Option<(u64, u8)> {
    let (first, second) = (*begin.first()?, *begin.get(1)?);
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if begin.len() < 2 + extended + mask {
        return None;
    }
    let length = match extended {
        0 => u64::from(second & 0x7f),
        _ => begin[2..2 + extended].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
    };
    Some((length, first & 0x0f))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";

    fn after(parts: &[&[u8]]) -> Frames {
        let mut frames = Frames::new();
        parts.iter().for_each(|part| frames.sent(part));
        frames
    }

    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match length {
            0..126 => frame.push(length as u8),
            126..65536 => frame.extend([&[126], &(length as u16).to_be_bytes()[..]].concat()),
            _ => frame.extend([&[127], &(length as u64).to_be_bytes()[..]].concat()),
        }
        // It looks like the end of a head, and like a frame that closes.
        frame.extend(b"\r\n\r\n\x88\x00".iter().cycle().take(length));
        frame
    }

    #[test]
    fn a_head_ends_where_it_ends_and_that_of_another_response_is_none() {
        assert!(after(&[HEAD]).is_between());
        assert!(!after(&[&HEAD[..HEAD.len() - 1]]).is_between());
        let before = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nHTTHTTP/1";
        assert!(!after(&[before]).is_between());
        assert!(after(&[before, HEAD]).is_between());
        assert!(after(&[b"HTTP/1.1 101 \r\r\n\r\n"]).is_between());
        assert!(!after(&[b"HTTP/1.1 101 \r\n\n\r\n"]).is_between());
    }

    #[test]
    fn every_cut_through_frames_is_known() {
        for lengths in [vec![0], vec![1, 125], vec![126, 0, 3], vec![65535], vec![65536, 2]] {
            let all: Vec<_> = lengths.iter().map(|length| frame(0x82, *length)).collect();
            let ends: Vec<usize> =
                all.iter().scan(0, |end, frame| (*end += frame.len(), Some(*end)).1).chain([0]).collect();
            let bytes = all.concat();
            let near = |cut: &usize| ends.iter().any(|end| cut.abs_diff(*end) < 20) || cut.is_multiple_of(4097);
            for cut in (0..=bytes.len()).filter(near) {
                let mut frames = after(&[HEAD, &bytes[..cut]]);
                assert_eq!(frames.is_between(), ends.contains(&cut), "{lengths:?} cut at {cut}");
                let end = *ends.iter().filter(|end| **end >= cut).min().unwrap();
                assert_eq!(frames.to_end(&bytes[cut..]), end - cut, "{lengths:?} cut at {cut}");
                frames.sent(&bytes[cut..]);
                assert!(frames.is_between(), "{lengths:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn one_byte_at_a_time_is_the_same() {
        let mut frames = Frames::new();
        let bytes = [HEAD, &frame(0x01, 300), &frame(0x80, 5)].concat();
        bytes.iter().for_each(|byte| frames.sent(std::slice::from_ref(byte)));
        assert!(frames.is_between());
    }

    #[test]
    fn a_server_that_closes_has_closed() {
        let frames = after(&[HEAD, &frame(0x81, 3), &frame(0x88, 2)]);
        assert!(frames.is_closed() && !frames.is_between());
        assert_eq!(close_frame(), [0x88, 2, 0x03, 0xf4]);
        assert!(after(&[HEAD, &close_frame()]).is_closed());
    }

    #[test]
    fn a_mask_counts_though_no_server_may_send_one() {
        let masked = [0x82, 0x83, 1, 2, 3, 4, b'a', b'b', b'c'];
        assert!(after(&[HEAD, &masked]).is_between());
        assert!(!after(&[HEAD, &masked[..8]]).is_between());
    }
}
