//! The contestants: every resampler and every G.711 codec that a user could pick, behind one small trait each.
//!
//! Crates are linked; C libraries are opened at run time if they are installed, so that nothing is needed to build.

mod audio_codec;
mod audio_dsp;
mod avcodec;
mod rubato;
mod soxr;
mod speexdsp;
mod swresample;

pub(crate) use avcodec::Avcodec;

/// A stream of mono 16-bit audio that changes its rate.
pub(crate) trait Resample {
    /// Takes one 20 ms frame, writes what came out to the start of `output` and returns how many samples that was.
    fn process(&mut self, input: &[i16], output: &mut [i16]) -> usize;
}

/// Makes one stream from one rate to another (Hz).
type Make = Box<dyn Fn(u32, u32) -> Box<dyn Resample>>;

/// A resampler that takes part.
pub(crate) struct Contestant {
    /// Its name in the tables.
    pub(crate) name: &'static str,
    /// Makes one stream.
    pub(crate) make: Make,
    /// Whether a thousand streams fit a run: without gigabytes of state, without half a second for each.
    pub(crate) in_crowds: bool,
}

impl Contestant {
    fn new<R: Resample + 'static>(name: &'static str, make: impl Fn(u32, u32) -> R + 'static) -> Self {
        Self { name, make: Box::new(move |from_hz, to_hz| Box::new(make(from_hz, to_hz))), in_crowds: true }
    }

    fn alone(mut self) -> Self {
        self.in_crowds = false;
        self
    }
}

/// The names that goals and ratios refer to.
pub(crate) mod names {
    pub(crate) const OURS: &str = "audio-dsp";
    pub(crate) const SPEEXDSP_Q3: &str = "speexdsp q3";
    pub(crate) const SWRESAMPLE: &str = "libswresample";
    pub(crate) const RUBATO_FFT: &str = "rubato Fft";
    pub(crate) const AUDIO_CODEC: &str = "crate audio-codec";
}

/// The most samples that any contestant gives at once: soxr holds back 150 ms at 48 kHz and lets them go together.
pub(crate) const OUTPUT_MAX: usize = 16_384;

/// Everybody who takes part, and why the others cannot.
pub(crate) struct Peers {
    /// The resamplers, ours first.
    pub(crate) resamplers: Vec<Contestant>,
    /// FFmpeg's G.711.
    pub(crate) avcodec: Option<&'static Avcodec>,
    /// A line for each library that is not installed.
    pub(crate) missing: Vec<String>,
}

impl Peers {
    /// Opens the libraries.
    pub(crate) fn find() -> Self {
        let mut missing = Vec::new();
        let mut resamplers = vec![Contestant::new(names::OURS, audio_dsp::Stream::new)];
        resamplers.extend(rubato::contestants());
        resamplers.extend(audio_codec::contestants());
        resamplers.extend(installed(soxr::contestants(), &mut missing).unwrap_or_default());
        resamplers.extend(installed(speexdsp::contestants(), &mut missing).unwrap_or_default());
        resamplers.extend(installed(swresample::contestants(), &mut missing).unwrap_or_default());
        let avcodec = installed(Avcodec::open(), &mut missing);
        Self { resamplers, avcodec, missing }
    }

    /// The resampler of that name, if it takes part.
    pub(crate) fn resampler(&self, name: &str) -> Option<&Contestant> {
        self.resamplers.iter().find(|contestant| contestant.name == name)
    }
}

fn installed<T>(found: Result<T, libloading::Error>, missing: &mut Vec<String>) -> Option<T> {
    found
        .map_err(|error| missing.push(format!("{error}; benches/install-peers installs what is missing")))
        .ok()
}

/// Stays open as long as the program runs, so that functions taken from it are always good.
fn stays_open(library: libloading::Library) -> &'static libloading::Library {
    Box::leak(Box::new(library))
}
