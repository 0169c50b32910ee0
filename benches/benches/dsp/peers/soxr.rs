//! libsoxr, the SoX resampler library, in three of its qualities.
#![allow(unsafe_code, reason = "a C library can only be called with unsafe")]

use super::{Contestant, Resample, stays_open};
use libloading::{Error, Library};
use std::ffi::{c_char, c_double, c_int, c_uint, c_ulong, c_void};
use std::ptr::{null, null_mut};

/// `soxr_io_spec_t` of soxr.h 0.1.
#[repr(C)]
struct IoSpec {
    input_type: c_int,
    output_type: c_int,
    scale: c_double,
    reserved: *mut c_void,
    flags: c_ulong,
}

/// `soxr_quality_spec_t` of soxr.h 0.1.
#[repr(C)]
struct QualitySpec {
    precision: c_double,
    phase_response: c_double,
    passband_end: c_double,
    stopband_begin: c_double,
    reserved: *mut c_void,
    flags: c_ulong,
}

/// `SOXR_INT16_I`: interleaved 16-bit samples.
const INT16: c_int = 3;

/// `SOXR_NO_DITHER`: as the others, it is to add no noise.
const NO_DITHER: c_ulong = 8;

/// `SOXR_HQ`, `SOXR_VHQ` and `SOXR_MINIMUM_PHASE`.
const HQ: c_ulong = 4;
const VHQ: c_ulong = 6;
const MINIMUM_PHASE: c_ulong = 0x30;

type Create = unsafe extern "C" fn(
    c_double,
    c_double,
    c_uint,
    *mut *const c_char,
    *const IoSpec,
    *const QualitySpec,
    *const c_void,
) -> *mut c_void;
type Specify = unsafe extern "C" fn(c_ulong, c_ulong) -> QualitySpec;
type Process = unsafe extern "C" fn(
    *mut c_void,
    *const c_void,
    usize,
    *mut usize,
    *mut c_void,
    usize,
    *mut usize,
) -> *const c_char;
type Delete = unsafe extern "C" fn(*mut c_void);

#[derive(Clone, Copy)]
struct Functions {
    create: Create,
    specify: Specify,
    process: Process,
    delete: Delete,
}

pub(super) fn contestants() -> Result<Vec<Contestant>, Error> {
    // SAFETY: loading this library runs no code that needs anything of us, and the functions have the types that
    // soxr.h gives them, in the version that the file's name stands for. It is never closed.
    let functions = unsafe {
        let library = stays_open(Library::new("libsoxr.so.0")?);
        Functions {
            create: *library.get("soxr_create")?,
            specify: *library.get("soxr_quality_spec")?,
            process: *library.get("soxr_process")?,
            delete: *library.get("soxr_delete")?,
        }
    };
    let contestant = |name, recipe| {
        let make = move |from_hz, to_hz| Stream::new(functions, from_hz, to_hz, recipe);
        Contestant::new(name, make).alone()
    };
    Ok(vec![
        contestant("soxr HQ", HQ),
        contestant("soxr VHQ", VHQ),
        contestant("soxr HQ minimum phase", HQ | MINIMUM_PHASE),
    ])
}

struct Stream {
    functions: Functions,
    state: *mut c_void,
}

impl Stream {
    fn new(functions: Functions, from_hz: u32, to_hz: u32, recipe: c_ulong) -> Self {
        let io = IoSpec {
            input_type: INT16,
            output_type: INT16,
            scale: 1.0,
            reserved: null_mut(),
            flags: NO_DITHER,
        };
        // SAFETY: the two specifications live until the call returns; the error and the run-time options may be null.
        let state = unsafe {
            let quality = (functions.specify)(recipe, 0);
            (functions.create)(f64::from(from_hz), f64::from(to_hz), 1, null_mut(), &io, &quality, null())
        };
        assert!(!state.is_null(), "soxr makes a stream from {from_hz} to {to_hz} Hz");
        Self { functions, state }
    }
}

impl Resample for Stream {
    fn process(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        let (mut taken, mut given) = (0, 0);
        // SAFETY: the state is one that `create` gave; the buffers are as long as is said, in samples of one channel.
        let error = unsafe {
            (self.functions.process)(
                self.state,
                input.as_ptr().cast(),
                input.len(),
                &mut taken,
                output.as_mut_ptr().cast(),
                output.len(),
                &mut given,
            )
        };
        assert!(error.is_null() && taken == input.len(), "soxr takes a whole frame");
        given
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: the state is one that `create` gave, and nobody else has it.
        unsafe { (self.functions.delete)(self.state) }
    }
}
