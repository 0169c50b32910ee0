//! Converts a WAV file: another rate, another encoding, another number of channels.
//!
//! `cargo run --release -p audio-dsp --example convert_wav -- speech.wav call.wav --rate 8000 --encoding ulaw`
//!
//! It shows the crate's parts at work: G.711 both ways and the streaming resampler with its delay taken out.

use audio_dsp::g711::{alaw, ulaw};
use audio_dsp::resample::{Resampler, UnsupportedRatio};
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "usage: convert_wav IN.wav OUT.wav [--rate HZ] [--encoding NAME] [--channels N]

--rate HZ        8000, 16000, 24000 or 48000
--encoding NAME  pcm16, ulaw (G.711 mu-law) or alaw (G.711 A-law)
--channels N     1 (a stereo file's two sides are averaged) or 2 (a mono file is heard on both)

What is not given stays as it is in IN.wav, which may be 16-bit PCM, mu-law or A-law, mono or stereo.";

/// Why a file could not be converted.
#[derive(Debug, thiserror::Error)]
enum ConvertError {
    #[error("{0}")]
    Usage(String),
    #[error("failed to read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("failed to write {path}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{path} cannot be converted: {why}")]
    Format { path: PathBuf, why: &'static str },
    #[error("the resampler works between 8000, 16000, 24000 and 48000 Hz")]
    Rate(#[from] UnsupportedRatio),
}

/// How samples are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Pcm16,
    Alaw,
    Ulaw,
}

impl Encoding {
    /// The format tag of a WAV file.
    const fn tag(self) -> u16 {
        match self {
            Self::Pcm16 => 1,
            Self::Alaw => 6,
            Self::Ulaw => 7,
        }
    }

    const fn bytes_per_sample(self) -> usize {
        if matches!(self, Self::Pcm16) { 2 } else { 1 }
    }
}

/// Sound as it is in a file, but decoded.
#[derive(Debug, Clone, PartialEq)]
struct Sound {
    rate_hz: u32,
    encoding: Encoding,
    /// One or two channels of equal length.
    channels: Vec<Vec<i16>>,
}

/// What the command line asks for.
#[derive(Debug)]
struct Arguments {
    input: PathBuf,
    output: PathBuf,
    rate_hz: Option<u32>,
    encoding: Option<Encoding>,
    channels: Option<usize>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match parse_arguments(arguments).and_then(|arguments| convert_file(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            let mut message = String::new();
            while let Some(error) = cause {
                message += if message.is_empty() { "" } else { ": " };
                message += &error.to_string();
                cause = error.source();
            }
            eprintln!("convert_wav: {message}");
            if matches!(error, ConvertError::Usage(_)) {
                eprintln!("\n{HELP}");
            }
            ExitCode::FAILURE
        }
    }
}

fn parse_arguments(arguments: Vec<String>) -> Result<Arguments, ConvertError> {
    let usage = |message: &str| ConvertError::Usage(message.to_owned());
    let (mut files, mut rate_hz, mut encoding, mut channels) = (Vec::new(), None, None, None);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| usage("an option has no value"));
        match argument.as_str() {
            "--rate" => {
                let hz = value()?;
                rate_hz = Some(hz.parse().map_err(|_| usage(&format!("{hz} is not a rate")))?);
            }
            "--encoding" => {
                encoding = Some(match value()?.as_str() {
                    "pcm16" => Encoding::Pcm16,
                    "ulaw" => Encoding::Ulaw,
                    "alaw" => Encoding::Alaw,
                    other => return Err(usage(&format!("{other} is not an encoding"))),
                });
            }
            "--channels" => {
                channels = Some(match value()?.as_str() {
                    "1" => 1,
                    "2" => 2,
                    other => return Err(usage(&format!("{other} channels cannot be written"))),
                });
            }
            option if option.starts_with("--") => return Err(usage(&format!("there is no option {option}"))),
            file => files.push(PathBuf::from(file)),
        }
    }
    match <[PathBuf; 2]>::try_from(files) {
        Ok([input, output]) => Ok(Arguments { input, output, rate_hz, encoding, channels }),
        Err(_) => Err(usage("two files are needed: what to read and what to write")),
    }
}

fn convert_file(arguments: &Arguments) -> Result<(), ConvertError> {
    let path = &arguments.input;
    let bytes = std::fs::read(path).map_err(|source| ConvertError::Read { path: path.clone(), source })?;
    let mut sound = read_wav(&bytes).map_err(|why| ConvertError::Format { path: path.clone(), why })?;
    sound.encoding = arguments.encoding.unwrap_or(sound.encoding);
    set_channels(&mut sound, arguments.channels);
    if let Some(to_hz) = arguments.rate_hz.filter(|to_hz| *to_hz != sound.rate_hz) {
        for channel in &mut sound.channels {
            *channel = resample(channel, sound.rate_hz, to_hz)?;
        }
        sound.rate_hz = to_hz;
    }
    let path = &arguments.output;
    std::fs::write(path, write_wav(&sound))
        .map_err(|source| ConvertError::Write { path: path.clone(), source })
}

fn set_channels(sound: &mut Sound, count: Option<usize>) {
    match (sound.channels.as_slice(), count) {
        ([mono], Some(2)) => sound.channels = vec![mono.clone(), mono.clone()],
        ([left, right], Some(1)) => {
            let average = |(&left, &right): (&i16, &i16)| i16::midpoint(left, right);
            sound.channels = vec![left.iter().zip(right).map(average).collect()];
        }
        _ => {}
    }
}

/// Resamples a whole recording: what is said at a time in the input is said at the same time in the output.
fn resample(samples: &[i16], from_hz: u32, to_hz: u32) -> Result<Vec<i16>, UnsupportedRatio> {
    let mut resampler = Resampler::new(from_hz, to_hz)?;
    let length = (samples.len() as u64 * u64::from(to_hz)).div_ceil(u64::from(from_hz)) as usize;
    let delay = resampler.latency_samples();
    let mut output = Vec::with_capacity(length + 2 * delay);
    resampler.process(samples, &mut output);
    resampler.flush(&mut output);
    output.drain(..delay);
    output.truncate(length);
    Ok(output)
}

/// Reads a WAV file of 16-bit PCM, mu-law or A-law.
fn read_wav(bytes: &[u8]) -> Result<Sound, &'static str> {
    if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err("it is not a WAV file");
    }
    let mut format = None;
    let mut rest = &bytes[12..];
    while let Some((header, body)) = rest.split_at_checked(8) {
        let size = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        // A file that was written into a pipe does not know its size: what is there is taken.
        let chunk = &body[..size.min(body.len())];
        match &header[..4] {
            b"fmt " => format = Some(read_format(chunk)?),
            b"data" => {
                let (rate_hz, encoding, channels) = format.ok_or("the sound comes before its format")?;
                return Ok(Sound { rate_hz, encoding, channels: decode(chunk, encoding, channels) });
            }
            _ => {}
        }
        // Chunks start at even places.
        rest = body.get(size.saturating_add(size % 2)..).unwrap_or_default();
    }
    Err("there is no sound in it")
}

/// Rate, encoding and number of channels.
fn read_format(chunk: &[u8]) -> Result<(u32, Encoding, usize), &'static str> {
    let number = |at: usize| Some(u16::from_le_bytes([*chunk.get(at)?, *chunk.get(at + 1)?]));
    let short = "its format is cut off";
    let (tag, channels, bits) = (number(0).ok_or(short)?, number(2).ok_or(short)?, number(14).ok_or(short)?);
    let rate_hz = u32::from(number(4).ok_or(short)?) | u32::from(number(6).ok_or(short)?) << 16;
    // The extensible format has the real tag further behind.
    let tag = if tag == 0xFFFE { number(24).ok_or(short)? } else { tag };
    let encoding = match (tag, bits) {
        (1, 16) => Encoding::Pcm16,
        (6, 8) => Encoding::Alaw,
        (7, 8) => Encoding::Ulaw,
        _ => return Err("only 16-bit PCM, mu-law and A-law can be read"),
    };
    match channels {
        _ if rate_hz == 0 => Err("its rate is 0 Hz"),
        1 | 2 => Ok((rate_hz, encoding, usize::from(channels))),
        _ => Err("only mono and stereo can be read"),
    }
}

fn decode(bytes: &[u8], encoding: Encoding, channels: usize) -> Vec<Vec<i16>> {
    let mut samples = vec![0; bytes.len() / encoding.bytes_per_sample()];
    match encoding {
        Encoding::Pcm16 => {
            for (sample, pair) in samples.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *sample = i16::from_le_bytes(*pair);
            }
        }
        Encoding::Alaw => {
            alaw::decode(bytes, &mut samples);
        }
        Encoding::Ulaw => {
            ulaw::decode(bytes, &mut samples);
        }
    }
    let whole = samples.chunks_exact(channels);
    (0..channels).map(|channel| whole.clone().map(|frame| frame[channel]).collect()).collect()
}

/// Writes a WAV file; sizes beyond its 4 GiB are held to that.
fn write_wav(sound: &Sound) -> Vec<u8> {
    let (count, width) = (sound.channels.len(), sound.encoding.bytes_per_sample());
    let frames = sound.channels.first().map_or(0, Vec::len);
    let interleaved: Vec<i16> =
        (0..frames).flat_map(|n| sound.channels.iter().map(move |channel| channel[n])).collect();
    let mut data = vec![0; interleaved.len() * width];
    match sound.encoding {
        Encoding::Pcm16 => {
            for (pair, sample) in data.as_chunks_mut::<2>().0.iter_mut().zip(&interleaved) {
                *pair = sample.to_le_bytes();
            }
        }
        Encoding::Alaw => {
            alaw::encode(&interleaved, &mut data);
        }
        Encoding::Ulaw => {
            ulaw::encode(&interleaved, &mut data);
        }
    }

    let block = count * width;
    let mut format = Vec::new();
    format.extend(sound.encoding.tag().to_le_bytes());
    format.extend((count as u16).to_le_bytes());
    format.extend(sound.rate_hz.to_le_bytes());
    format.extend((sound.rate_hz * block as u32).to_le_bytes());
    format.extend((block as u16).to_le_bytes());
    format.extend((8 * width as u16).to_le_bytes());
    let mut chunks = Vec::with_capacity(data.len() + 64);
    if sound.encoding != Encoding::Pcm16 {
        // Whatever is not PCM says how long its extra format is, and how many samples a channel has.
        format.extend(0_u16.to_le_bytes());
        chunks.extend(chunk(b"fact", &(frames as u32).to_le_bytes()));
    }
    chunks.splice(0..0, chunk(b"fmt ", &format));
    chunks.extend(chunk(b"data", &data));
    let mut wave = b"WAVE".to_vec();
    wave.extend(chunks);
    chunk(b"RIFF", &wave)
}

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let padding: &[u8] = if body.len().is_multiple_of(2) { &[] } else { &[0] };
    [name, size.to_le_bytes().as_slice(), body, padding].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(encoding: Encoding, channels: usize) -> Sound {
        let tone = |n: usize| (8_000.0 * (n as f32 * 0.3).sin()) as i16;
        let channels = (0..channels).map(|channel| (0..801).map(|n| tone(n * (channel + 1))).collect());
        Sound { rate_hz: 8_000, encoding, channels: channels.collect() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (encoding, error) in [(Encoding::Pcm16, 0), (Encoding::Ulaw, 260), (Encoding::Alaw, 260)] {
            for channels in [1, 2] {
                let original = sound(encoding, channels);
                let read = read_wav(&write_wav(&original)).unwrap();
                assert_eq!((read.rate_hz, read.encoding), (8_000, encoding));
                for (read, original) in read.channels.iter().zip(&original.channels) {
                    assert_eq!(read.len(), original.len());
                    assert!(read.iter().zip(original).all(|(a, b)| a.abs_diff(*b) <= error));
                }
            }
        }
    }

    #[test]
    fn a_resampled_recording_is_as_long_as_before_and_not_late() {
        let original = sound(Encoding::Pcm16, 1).channels.remove(0);
        let up = resample(&original, 8_000, 24_000).unwrap();
        assert_eq!(up.len(), original.len() * 3);
        let back = resample(&up, 24_000, 8_000).unwrap();
        assert_eq!(back.len(), original.len());
        let middle = 100..700;
        assert!(back[middle.clone()].iter().zip(&original[middle]).all(|(a, b)| a.abs_diff(*b) < 40));
    }

    #[test]
    fn stereo_becomes_mono_and_mono_stereo() {
        let mut both =
            Sound { rate_hz: 8_000, encoding: Encoding::Pcm16, channels: vec![vec![10], vec![-30]] };
        set_channels(&mut both, Some(1));
        assert_eq!(both.channels, [[-10]]);
        set_channels(&mut both, Some(2));
        assert_eq!(both.channels, [[-10], [-10]]);
    }

    #[test]
    fn what_is_not_a_wav_file_is_refused() {
        for bytes in [&b""[..], b"RIFF", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\x01\0"] {
            assert!(read_wav(bytes).is_err());
        }
        let mut of_8_bits = write_wav(&sound(Encoding::Pcm16, 1));
        of_8_bits[34] = 8;
        assert!(read_wav(&of_8_bits).is_err());
    }
}
