//! FFmpeg's libswresample as it comes, in 16-bit integers.
#![allow(unsafe_code, reason = "a C library can only be called with unsafe")]

use super::{Contestant, Resample, names, stays_open};
use libloading::{Error, Library};
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

/// `AV_CH_LAYOUT_MONO` and `AV_SAMPLE_FMT_S16`.
const MONO: i64 = 4;
const S16: c_int = 1;

type Alloc = unsafe extern "C" fn(
    *mut c_void,
    i64,
    c_int,
    c_int,
    i64,
    c_int,
    c_int,
    c_int,
    *mut c_void,
) -> *mut c_void;
type Init = unsafe extern "C" fn(*mut c_void) -> c_int;
type Convert = unsafe extern "C" fn(*mut c_void, *mut *mut u8, c_int, *mut *const u8, c_int) -> c_int;
type Free = unsafe extern "C" fn(*mut *mut c_void);

#[derive(Clone, Copy)]
struct Functions {
    alloc: Alloc,
    init: Init,
    convert: Convert,
    free: Free,
}

pub(super) fn contestants() -> Result<Vec<Contestant>, Error> {
    // SAFETY: loading this library runs no code that needs anything of us, and the functions have the types that
    // swresample.h gives them, in the version that the file's name stands for. It is never closed.
    let functions = unsafe {
        let library = stays_open(Library::new("libswresample.so.4")?);
        Functions {
            alloc: *library.get("swr_alloc_set_opts")?,
            init: *library.get("swr_init")?,
            convert: *library.get("swr_convert")?,
            free: *library.get("swr_free")?,
        }
    };
    let make = move |from_hz, to_hz| Stream::new(functions, from_hz, to_hz);
    Ok(vec![Contestant::new(names::SWRESAMPLE, make)])
}

struct Stream {
    functions: Functions,
    state: *mut c_void,
}

impl Stream {
    fn new(functions: Functions, from_hz: u32, to_hz: u32) -> Self {
        let (from, to) = (from_hz as c_int, to_hz as c_int);
        // SAFETY: no state before, no context for logging: both may be null. `init` is given what `alloc` gave.
        let (state, error) = unsafe {
            let state = (functions.alloc)(null_mut(), MONO, S16, to, MONO, S16, from, 0, null_mut());
            (state, if state.is_null() { -1 } else { (functions.init)(state) })
        };
        assert!(error == 0, "libswresample makes a stream from {from_hz} to {to_hz} Hz");
        Self { functions, state }
    }
}

impl Resample for Stream {
    fn process(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        let mut from: *const u8 = input.as_ptr().cast();
        let mut to: *mut u8 = output.as_mut_ptr().cast();
        // SAFETY: the state is one that `init` has made ready for one channel of 16-bit samples; the buffers are as
        // long as is said.
        let given = unsafe {
            (self.functions.convert)(
                self.state,
                &mut to,
                output.len() as c_int,
                &mut from,
                input.len() as c_int,
            )
        };
        usize::try_from(given).expect("libswresample takes a whole frame")
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: the state is one that `alloc` gave, and nobody else has it.
        unsafe { (self.functions.free)(&mut self.state) }
    }
}
