//! Mixing in plain Rust.

#![forbid(unsafe_code)]

use super::{BLOCK, FAR, GROUP, in_blocks, with_block};

pub(super) fn mix(inputs: &[&[i16]], output: &mut [i16]) {
    in_blocks(output, |start| sum_block(inputs, start));
}

fn sum_block(inputs: &[&[i16]], start: usize) -> [i16; BLOCK] {
    let mut sums = [0i32; BLOCK];
    for group in inputs.chunks(GROUP) {
        for input in group {
            with_block(input, start, |block| {
                for (sum, &sample) in sums.iter_mut().zip(block) {
                    *sum += i32::from(sample);
                }
            });
        }
        for sum in &mut sums {
            *sum = (*sum).clamp(-FAR, FAR);
        }
    }
    sums.map(|sum| sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16)
}
