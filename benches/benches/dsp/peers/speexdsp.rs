//! libspeexdsp's resampler, in three of its qualities.
#![allow(unsafe_code, reason = "a C library can only be called with unsafe")]

use super::{Contestant, Resample, names, stays_open};
use libloading::{Error, Library};
use std::ffi::{c_int, c_void};

type Init = unsafe extern "C" fn(u32, u32, u32, c_int, *mut c_int) -> *mut c_void;
type Process = unsafe extern "C" fn(*mut c_void, u32, *const i16, *mut u32, *mut i16, *mut u32) -> c_int;
type Destroy = unsafe extern "C" fn(*mut c_void);

#[derive(Clone, Copy)]
struct Functions {
    init: Init,
    process: Process,
    destroy: Destroy,
}

pub(super) fn contestants() -> Result<Vec<Contestant>, Error> {
    // SAFETY: loading this library runs no code that needs anything of us, and the functions have the types that
    // speex_resampler.h gives them, in the version that the file's name stands for. It is never closed.
    let functions = unsafe {
        let library = stays_open(Library::new("libspeexdsp.so.1")?);
        Functions {
            init: *library.get("speex_resampler_init")?,
            process: *library.get("speex_resampler_process_int")?,
            destroy: *library.get("speex_resampler_destroy")?,
        }
    };
    let contestant = |name, quality| {
        Contestant::new(name, move |from_hz, to_hz| Stream::new(functions, from_hz, to_hz, quality))
    };
    Ok(vec![
        contestant(names::SPEEXDSP_Q3, 3),
        contestant("speexdsp q5", 5).alone(),
        contestant("speexdsp q10", 10).alone(),
    ])
}

struct Stream {
    functions: Functions,
    state: *mut c_void,
}

impl Stream {
    fn new(functions: Functions, from_hz: u32, to_hz: u32, quality: c_int) -> Self {
        let mut error = 0;
        // SAFETY: `error` lives until the call returns.
        let state = unsafe { (functions.init)(1, from_hz, to_hz, quality, &mut error) };
        assert!(!state.is_null() && error == 0, "speexdsp makes a stream from {from_hz} to {to_hz} Hz");
        Self { functions, state }
    }
}

impl Resample for Stream {
    fn process(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        let (mut taken, mut given) = (input.len() as u32, output.len() as u32);
        // SAFETY: the state is one that `init` gave, for one channel; the buffers are as long as is said.
        let error = unsafe {
            let process = self.functions.process;
            process(self.state, 0, input.as_ptr(), &mut taken, output.as_mut_ptr(), &mut given)
        };
        assert!(error == 0 && taken as usize == input.len(), "speexdsp takes a whole frame");
        given as usize
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: the state is one that `init` gave, and nobody else has it.
        unsafe { (self.functions.destroy)(self.state) }
    }
}
