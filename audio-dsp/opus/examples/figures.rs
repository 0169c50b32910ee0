//! Prints what a bit rate and an effort cost and give, over the repository's voices: the table of docs/adr/0008.

use audio_opus::{EncoderSettings, Reader, Tags, Writer};
use std::{error::Error, fs, io::Cursor, path::Path};

/// Voices taken, half of them on either side.
const VOICES: usize = 40;
/// Silence between two, samples: half a second.
const PAUSE: usize = 4_000;

/// Who speaks on which side, from where to where in samples.
type Turn = (usize, std::ops::Range<usize>);

fn main() -> Result<(), Box<dyn Error>> {
    let voices = voices()?;
    let (in_turn, turns) = in_turn(&voices);
    let at_once = at_once(&voices);
    println!(
        "| complexity | kbit/s asked | kbit/s | kB per minute | us CPU per 20 ms | decoded | SNR | apart | both at once: SNR | apart |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (complexity, bitrate_bps) in
        [(0, 32_000), (2, 16_000), (2, 24_000), (2, 32_000), (2, 40_000), (5, 32_000), (10, 32_000)]
    {
        let settings = EncoderSettings { bitrate_bps, complexity, ..EncoderSettings::CALL };
        let frames = (in_turn.len() / 320) as f64;
        let start = cpu_us()?;
        let file = encode(settings, &in_turn)?;
        let encoding = (cpu_us()? - start) / frames;
        let start = cpu_us()?;
        let heard = decode(&file)?;
        let decoding = (cpu_us()? - start) / frames;
        let both = decode(&encode(settings, &at_once)?)?;
        println!(
            "| {complexity} | {} | {:.1} | {:.0} | {encoding:.0} | {decoding:.0} | {:.1} dB | {:.0} dB | {:.1} dB | {:.0} dB |",
            bitrate_bps / 1_000,
            file.len() as f64 * 8.0 / (frames * 20.0),
            file.len() as f64 * 3.0 / frames,
            snr_in_turn(&in_turn, &heard, &turns),
            apart_in_turn(&heard, &turns),
            snr_at_once(&at_once, &both),
            apart_at_once(&at_once, &both),
        );
    }
    Ok(())
}

fn voices() -> Result<Vec<Vec<i16>>, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/voices");
    let mut paths: Vec<_> =
        fs::read_dir(folder)?.map(|file| Ok(file?.path())).collect::<Result<_, std::io::Error>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "ulaw"));
    paths.sort();
    let decoded = paths.into_iter().take(VOICES).map(|path| {
        let codes = fs::read(path)?;
        let mut pcm = vec![0; codes.len()];
        audio_dsp::g711::ulaw::decode(&codes, &mut pcm);
        Ok(pcm)
    });
    decoded.collect()
}

fn in_turn(voices: &[Vec<i16>]) -> (Vec<i16>, Vec<Turn>) {
    let (mut samples, mut turns) = (Vec::new(), Vec::new());
    for (index, voice) in voices.iter().enumerate() {
        let (side, start) = (index % 2, samples.len() / 2);
        samples.extend(voice.iter().flat_map(|&sample| if side == 0 { [sample, 0] } else { [0, sample] }));
        turns.push((side, start..samples.len() / 2));
        samples.resize(samples.len() + 2 * PAUSE, 0);
    }
    (samples, turns)
}

fn at_once(voices: &[Vec<i16>]) -> Vec<i16> {
    let pairs = voices.chunks_exact(2);
    pairs.flat_map(|pair| pair[0].iter().zip(&pair[1]).flat_map(|(&left, &right)| [left, right])).collect()
}

/// Time that this thread has had a processor, in microseconds: what others do on the machine does not count.
fn cpu_us() -> Result<f64, Box<dyn Error>> {
    let spent = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = spent.split_whitespace().next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1_000.0)
}

fn encode(settings: EncoderSettings, samples: &[i16]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut writer = Writer::new(Vec::new(), settings, 1, &Tags::new())?;
    writer.write(samples)?;
    Ok(writer.finish()?)
}

fn decode(file: &[u8]) -> Result<Vec<i16>, Box<dyn Error>> {
    let (mut reader, mut samples) = (Reader::open(Cursor::new(file))?, Vec::new());
    while let Some(block) = reader.next_block()? {
        samples.extend_from_slice(block);
    }
    Ok(samples)
}

/// The sum of products of two sides.
fn dot(one: (&[i16], usize), other: (&[i16], usize)) -> f64 {
    let side = |(samples, side): (&[i16], usize), at: usize| f64::from(samples[2 * at + side]);
    (0..one.0.len() / 2).map(|at| side(one, at) * side(other, at)).sum()
}

fn db(ratio: f64) -> f64 {
    10.0 * ratio.log10()
}

fn difference(one: &[i16], other: &[i16]) -> Vec<i16> {
    one.iter().zip(other).map(|(&a, &b)| a.saturating_sub(b)).collect()
}

fn energy(samples: &[i16], side: usize) -> f64 {
    dot((samples, side), (samples, side)).max(1.0)
}

fn snr_in_turn(said: &[i16], heard: &[i16], turns: &[Turn]) -> f64 {
    let error = difference(said, heard);
    let of = |samples: &[i16]| {
        turns.iter().map(|(side, at)| energy(&samples[2 * at.start..2 * at.end], *side)).sum::<f64>()
    };
    db(of(said) / of(&error))
}

/// How much weaker a voice is on the other side, whose own is silent.
fn apart_in_turn(heard: &[i16], turns: &[Turn]) -> f64 {
    let of = |other: usize| {
        turns
            .iter()
            .map(|(side, at)| energy(&heard[2 * at.start..2 * at.end], (side + other) % 2))
            .sum::<f64>()
    };
    db(of(0) / of(1))
}

fn snr_at_once(said: &[i16], heard: &[i16]) -> f64 {
    let error = difference(said, heard);
    db((energy(said, 0) + energy(said, 1)) / (energy(&error, 0) + energy(&error, 1)))
}

/// How much weaker the right voice is on the left than the left one: the best fit of both to what is heard there.
fn apart_at_once(said: &[i16], heard: &[i16]) -> f64 {
    let (left, right, cross) = (energy(said, 0), energy(said, 1), dot((said, 0), (said, 1)));
    let (with_left, with_right) = (dot((heard, 0), (said, 0)), dot((heard, 0), (said, 1)));
    let own = with_left * right - with_right * cross;
    let other = with_right * left - with_left * cross;
    db((own / other).powi(2))
}
