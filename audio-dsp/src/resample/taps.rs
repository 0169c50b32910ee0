//! Taps that were searched, from the centre outwards: a filter is symmetrical. Written by
//! `cargo run --release -p audio-dsp --example design_filters`, which says what they are.

#![forbid(unsafe_code)]

/// From a rate to a third of it, 16 fractional bits.
#[rustfmt::skip]
pub(super) static DOWN_3: [i16; 45] = [
    21846, 18039, 8978, 0, -4408, -3478, 0, 2394, 2047, 0, -1549, -1363, 0, 1069, 950,
    0, -757, -675, 0, 536, 477, 0, -378, -334, 0, 260, 228, 0, -174, -151,
    0, 112, 96, 0, -69, -58, 0, 40, 32, 0, -21, -17, 0, 10, 9,
];

/// From a rate to a sixth of it, 17 fractional bits.
#[rustfmt::skip]
pub(super) static DOWN_6: [i16; 90] = [
    21842, 20848, 18035, 13857, 8977, 4131, 0, -2927, -4409, -4497, -3480, -1812, 0, 1506, 2398,
    2556, 2051, 1101, 0, -958, -1553, -1682, -1367, -742, 0, 659, 1075, 1171, 957, 522,
    0, -465, -763, -832, -681, -371, 0, 332, 543, 592, 484, 263, 0, -237, -384,
    -418, -341, -185, 0, 163, 267, 288, 234, 126, 0, -112, -180, -194, -157, -84,
    0, 73, 117, 126, 100, 54, 0, -46, -73, -78, -62, -32, 0, 27, 44,
    45, 36, 19, 0, -15, -24, -24, -19, -11, 0, 7, 12, 13, 12, 9,
];
