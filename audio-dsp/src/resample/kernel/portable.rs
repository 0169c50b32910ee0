//! Plain Rust: what the other kernels are tested against.

#![forbid(unsafe_code)]

use super::super::design::{FRACTION_BITS, Row};
use super::{GROUP, HALF, Part, Stream};

pub(super) fn convolve(rows: &[Row], extra_bits: u32, streams: &[Stream], groups: usize, part: &mut Part) {
    for (group, part) in part.as_chunks_mut::<GROUP>().0.iter_mut().take(groups).enumerate() {
        let mut totals = [HALF; GROUP];
        for (row, stream) in rows.iter().zip(streams) {
            let mut sums = [0; GROUP];
            let samples = &stream[group * GROUP + row.first..];
            for (window, &tap) in samples.windows(GROUP).zip(row.taps().as_flattened()) {
                for (sum, &sample) in sums.iter_mut().zip(window) {
                    *sum += i32::from(sample) * i32::from(tap);
                }
            }
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total += sum >> extra_bits;
            }
        }
        for (sample, total) in part.iter_mut().zip(totals) {
            *sample = (total >> FRACTION_BITS).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
    }
}

pub(super) fn split_2(input: &[i16], [first, second]: [&mut [i16]; 2]) {
    for ((period, first), second) in input.as_chunks::<2>().0.iter().zip(first).zip(second) {
        [*first, *second] = *period;
    }
}

pub(super) fn split_3(input: &[i16], [first, second, third]: [&mut [i16]; 3]) {
    for (((period, first), second), third) in
        input.as_chunks::<3>().0.iter().zip(first).zip(second).zip(third)
    {
        [*first, *second, *third] = *period;
    }
}

pub(super) fn join_2([first, second]: [&[i16]; 2], output: &mut [i16]) {
    for ((period, &first), &second) in output.as_chunks_mut::<2>().0.iter_mut().zip(first).zip(second) {
        *period = [first, second];
    }
}

pub(super) fn join_3([first, second, third]: [&[i16]; 3], output: &mut [i16]) {
    for (((period, &first), &second), &third) in
        output.as_chunks_mut::<3>().0.iter_mut().zip(first).zip(second).zip(third)
    {
        *period = [first, second, third];
    }
}
