#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod codec;
mod head;
mod page;
mod reader;
mod tags;
mod writer;

pub use codec::{
    Channels, CodecError, EncoderSettings, FrameEncoder, PacketDecoder, SampleRate, decoder, encoder,
};
pub use reader::{ReadError, Reader};
pub use tags::Tags;
pub use writer::{WriteError, Writer};
