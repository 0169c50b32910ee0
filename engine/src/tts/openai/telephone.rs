//! PCM to mu-law until `audio_dsp::chain::PcmToUlaw` is there; it has the same methods.

/// Averages each group of samples and encodes the result.
pub(super) struct PcmToUlaw {
    per_sample: i32,
    sum: i32,
    count: i32,
    odd_byte: Option<u8>,
}

/// The rate is not a multiple of 8 kHz.
#[derive(Debug, thiserror::Error)]
#[error("cannot convert {0} Hz to 8000 Hz")]
pub(super) struct UnsupportedRate(u32);

impl PcmToUlaw {
    pub(super) fn new(from_hz: u32) -> Result<Self, UnsupportedRate> {
        match from_hz {
            16_000 | 24_000 | 48_000 => {
                let per_sample = i32::try_from(from_hz / 8_000).map_err(|_| UnsupportedRate(from_hz))?;
                Ok(Self { per_sample, sum: 0, count: 0, odd_byte: None })
            }
            _ => Err(UnsupportedRate(from_hz)),
        }
    }

    pub(super) fn process_le_bytes(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> usize {
        let before = output.len();
        for &byte in bytes {
            let Some(low) = self.odd_byte.take() else {
                self.odd_byte = Some(byte);
                continue;
            };
            self.sum += i32::from(i16::from_le_bytes([low, byte]));
            self.count += 1;
            if self.count == self.per_sample {
                output.push(encode(self.sum / self.per_sample));
                (self.sum, self.count) = (0, 0);
            }
        }
        output.len() - before
    }

    pub(super) fn flush(&mut self, _output: &mut Vec<u8>) -> usize {
        (self.sum, self.count, self.odd_byte) = (0, 0, None);
        0
    }
}

/// One sample as a G.711 mu-law code.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "all parts are masked to a byte")]
fn encode(sample: i32) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let biased = sample.abs().min(32_635) + 0x84;
    let exponent = (31 - (biased >> 7).leading_zeros()).min(7);
    let mantissa = (biased >> (exponent + 3)) & 0x0f;
    !(sign | ((exponent as i32) << 4) | mantissa) as u8
}
