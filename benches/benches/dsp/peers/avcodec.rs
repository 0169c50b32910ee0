//! FFmpeg's G.711 codecs (libavcodec 59), through the only interface they have: a packet in, a frame out.
#![allow(unsafe_code, reason = "a C library can only be called with unsafe")]

use super::stays_open;
use crate::g711::Law;
use libloading::{Error, Library};
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

/// `AV_CODEC_ID_PCM_MULAW` and the one after it, `AV_CODEC_ID_PCM_ALAW`.
const PCM_MULAW: c_int = 65_542;
const PCM_ALAW: c_int = 65_543;

/// `AVMEDIA_TYPE_AUDIO`, `AV_SAMPLE_FMT_S16`, `AV_CHANNEL_ORDER_NATIVE`, `AV_CH_LAYOUT_MONO`.
const AUDIO: c_int = 1;
const S16: c_int = 1;
const MONO: ChannelLayout = ChannelLayout { order: 1, channels: 1, mask: 4, opaque: null_mut() };

/// `AVChannelLayout` of libavutil 57.
#[repr(C)]
#[derive(Clone, Copy)]
struct ChannelLayout {
    order: c_int,
    channels: c_int,
    mask: u64,
    opaque: *mut c_void,
}

/// Where the fields of `AVCodecParameters` (libavcodec 59) are, in bytes.
mod parameters {
    pub(super) const CODEC_TYPE: usize = 0;
    pub(super) const CODEC_ID: usize = 4;
    pub(super) const FORMAT: usize = 28;
    pub(super) const SAMPLE_RATE: usize = 116;
    pub(super) const LAYOUT: usize = 144;
}

/// Where the fields of `AVPacket` (libavcodec 59) are, in bytes.
mod packet {
    pub(super) const DATA: usize = 24;
    pub(super) const SIZE: usize = 32;
}

/// Where the fields of `AVFrame` (libavutil 57) are, in bytes.
mod frame {
    pub(super) const DATA: usize = 0;
    pub(super) const LINE_SIZE: usize = 64;
    pub(super) const EXTENDED_DATA: usize = 96;
    pub(super) const SAMPLES: usize = 112;
    pub(super) const FORMAT: usize = 116;
    pub(super) const LAYOUT: usize = 448;
}

type Find = unsafe extern "C" fn(c_int) -> *const c_void;
type New = unsafe extern "C" fn() -> *mut c_void;
type NewContext = unsafe extern "C" fn(*const c_void) -> *mut c_void;
type Pair = unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int;
type Open = unsafe extern "C" fn(*mut c_void, *const c_void, *mut c_void) -> c_int;
type Unref = unsafe extern "C" fn(*mut c_void);

/// The library's functions.
pub(crate) struct Avcodec {
    find_decoder: Find,
    find_encoder: Find,
    new_context: NewContext,
    new_parameters: New,
    set_parameters: Pair,
    open: Open,
    new_packet: New,
    new_frame: New,
    unref_packet: Unref,
    send_packet: Pair,
    receive_frame: Pair,
    send_frame: Pair,
    receive_packet: Pair,
}

impl Avcodec {
    /// Opens the library for good.
    pub(super) fn open() -> Result<&'static Self, Error> {
        // SAFETY: loading these libraries runs no code that needs anything of us, and the functions have the types
        // that the headers give them, in the versions that the files' names stand for. They are never closed.
        let functions = unsafe {
            let codecs = stays_open(Library::new("libavcodec.so.59")?);
            let utilities = stays_open(Library::new("libavutil.so.57")?);
            Self {
                find_decoder: *codecs.get("avcodec_find_decoder")?,
                find_encoder: *codecs.get("avcodec_find_encoder")?,
                new_context: *codecs.get("avcodec_alloc_context3")?,
                new_parameters: *codecs.get("avcodec_parameters_alloc")?,
                set_parameters: *codecs.get("avcodec_parameters_to_context")?,
                open: *codecs.get("avcodec_open2")?,
                new_packet: *codecs.get("av_packet_alloc")?,
                new_frame: *utilities.get("av_frame_alloc")?,
                unref_packet: *codecs.get("av_packet_unref")?,
                send_packet: *codecs.get("avcodec_send_packet")?,
                receive_frame: *codecs.get("avcodec_receive_frame")?,
                send_frame: *codecs.get("avcodec_send_frame")?,
                receive_packet: *codecs.get("avcodec_receive_packet")?,
            }
        };
        Ok(Box::leak(Box::new(functions)))
    }

    /// A decoder of one stream. Like the encoder it lives as long as the program.
    pub(crate) fn decoder(&'static self, law: Law) -> Codec {
        self.codec(law, self.find_decoder)
    }

    /// An encoder of one stream.
    pub(crate) fn encoder(&'static self, law: Law) -> Codec {
        self.codec(law, self.find_encoder)
    }

    fn codec(&'static self, law: Law, find: Find) -> Codec {
        let id = match law {
            Law::Ulaw => PCM_MULAW,
            Law::Alaw => PCM_ALAW,
        };
        // SAFETY: the fields written are where this version of the library has them (it was opened by that
        // version's name), in objects that it made; `MONO` has no memory of its own.
        unsafe {
            let codec = find(id);
            assert!(!codec.is_null(), "libavcodec knows G.711");
            let context = (self.new_context)(codec);
            let parameters = (self.new_parameters)();
            let (packet, frame) = ((self.new_packet)(), (self.new_frame)());
            assert!([context, parameters, packet, frame].iter().all(|made| !made.is_null()), "memory");
            write(parameters, parameters::CODEC_TYPE, AUDIO);
            write(parameters, parameters::CODEC_ID, id);
            write(parameters, parameters::FORMAT, S16);
            write(parameters, parameters::SAMPLE_RATE, 8_000 as c_int);
            write(parameters, parameters::LAYOUT, MONO);
            assert!((self.set_parameters)(context, parameters) >= 0, "libavcodec takes the parameters");
            assert!((self.open)(context, codec, null_mut()) >= 0, "libavcodec opens G.711");
            Codec { functions: self, context, packet, frame }
        }
    }
}

/// One stream's decoder or encoder.
pub(crate) struct Codec {
    functions: &'static Avcodec,
    context: *mut c_void,
    packet: *mut c_void,
    frame: *mut c_void,
}

impl Codec {
    /// Decodes one packet.
    pub(crate) fn decode(&mut self, codes: &[u8], samples: &mut [i16]) {
        // SAFETY: the packet points to `codes` while the library copies them (it owns no buffer of it); afterwards it
        // points to nothing. The frame's first plane holds as many 16-bit samples as the frame says.
        let decoded = unsafe {
            write(self.packet, packet::DATA, codes.as_ptr());
            write(self.packet, packet::SIZE, codes.len() as c_int);
            let sent = (self.functions.send_packet)(self.context, self.packet);
            let received = (self.functions.receive_frame)(self.context, self.frame);
            assert!(sent >= 0 && received >= 0, "libavcodec decodes");
            write(self.packet, packet::DATA, std::ptr::null::<u8>());
            write(self.packet, packet::SIZE, 0 as c_int);
            let length: c_int = read(self.frame, frame::SAMPLES);
            std::slice::from_raw_parts(read::<*const i16>(self.frame, frame::DATA), length as usize)
        };
        samples.copy_from_slice(decoded);
    }

    /// Encodes one frame.
    pub(crate) fn encode(&mut self, samples: &[i16], codes: &mut [u8]) {
        // SAFETY: the frame points to `samples` while the library copies them (it owns no buffer of it). The packet
        // holds as many bytes as it says, until it is unreferenced.
        unsafe {
            write(self.frame, frame::DATA, samples.as_ptr());
            write(self.frame, frame::EXTENDED_DATA, self.frame.byte_add(frame::DATA));
            write(self.frame, frame::LINE_SIZE, (samples.len() * 2) as c_int);
            write(self.frame, frame::SAMPLES, samples.len() as c_int);
            write(self.frame, frame::FORMAT, S16);
            write(self.frame, frame::LAYOUT, MONO);
            let sent = (self.functions.send_frame)(self.context, self.frame);
            let received = (self.functions.receive_packet)(self.context, self.packet);
            assert!(sent >= 0 && received >= 0, "libavcodec encodes");
            let length: c_int = read(self.packet, packet::SIZE);
            let encoded =
                std::slice::from_raw_parts(read::<*const u8>(self.packet, packet::DATA), length as usize);
            codes.copy_from_slice(encoded);
            (self.functions.unref_packet)(self.packet);
        }
    }
}

/// Writes a field of an object of the library.
///
/// # Safety
/// `object` must have a field of that type at that offset, in bytes.
unsafe fn write<T>(object: *mut c_void, offset: usize, value: T) {
    // SAFETY: the caller keeps the contract.
    unsafe { object.byte_add(offset).cast::<T>().write(value) }
}

/// Reads a field of an object of the library.
///
/// # Safety
/// As for [`write`].
unsafe fn read<T>(object: *mut c_void, offset: usize) -> T {
    // SAFETY: the caller keeps the contract.
    unsafe { object.byte_add(offset).cast::<T>().read() }
}
