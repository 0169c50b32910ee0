//! Converts a WAV file to Ogg/Opus: `wav_to_opus IN.wav OUT.ogg [NAME=VALUE ...]`. Says how long it took.

use audio_opus::{Channels, EncoderSettings, SampleRate, Tags, Writer};
use std::{env, error::Error, fs::File, io::BufWriter, time::Instant};

/// Samples encoded at once.
const BLOCK: usize = 16_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [input, output, tags @ ..] = arguments.as_slice() else {
        return Err("usage: wav_to_opus IN.wav OUT.ogg [NAME=VALUE ...]".into());
    };
    let mut wav = hound::WavReader::open(input)?;
    let spec = wav.spec();
    if spec.sample_format != hound::SampleFormat::Int || spec.bits_per_sample != 16 {
        return Err("the WAV file must hold 16-bit PCM".into());
    }
    let settings = EncoderSettings {
        sample_rate: SampleRate::from_hz(spec.sample_rate)
            .ok_or_else(|| format!("Opus has no rate of {} Hz", spec.sample_rate))?,
        channels: match spec.channels {
            1 => Channels::Mono,
            2 => Channels::Stereo,
            more => return Err(format!("{more} channels are too many").into()),
        },
        ..EncoderSettings::CALL
    };
    let mut named = Tags::new();
    for tag in tags {
        let (name, value) = tag.split_once('=').ok_or_else(|| format!("`{tag}` is not NAME=VALUE"))?;
        named = named.with(name, value);
    }

    let start = Instant::now();
    let duration_s = f64::from(wav.duration()) / f64::from(spec.sample_rate);
    let mut writer = Writer::new(BufWriter::new(File::create(output)?), settings, 1, &named)?;
    let mut samples = wav.samples::<i16>();
    loop {
        let block = samples.by_ref().take(BLOCK).collect::<Result<Vec<_>, _>>()?;
        if block.is_empty() {
            break;
        }
        writer.write(&block)?;
    }
    let file = writer.finish()?.into_inner()?;
    let (bytes, took) = (file.metadata()?.len(), start.elapsed());
    println!(
        "{duration_s:.1} s of audio, {bytes} bytes ({:.1} kbit/s), encoded in {:.3} s: {:.1} us per 20 ms",
        bytes as f64 * 8.0 / 1_000.0 / duration_s,
        took.as_secs_f64(),
        took.as_secs_f64() * 1e6 / (duration_s * 50.0),
    );
    Ok(())
}
