//! Does one piece of audio-dsp's work for a number of 20 ms frames, so that callgrind can count its instructions:
//! the count of many frames less the count of few is what the frames between take, and nothing of the start.
//!
//! `dsp-instructions --list` prints the names of the pieces, `dsp-instructions NAME FRAMES` does one of them.
//! `benches/instructions` runs it and compares the counts with those that are kept.

mod workloads;

use std::process::ExitCode;

const USAGE: &str = "usage: dsp-instructions --list | NAME FRAMES";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["--list"] => {
            for workload in workloads::all() {
                println!("{}", workload.name);
            }
            ExitCode::SUCCESS
        }
        [name, frames] => run(name, frames),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run(name: &str, frames: &str) -> ExitCode {
    let workload = workloads::all().into_iter().find(|workload| workload.name == name);
    match (workload, frames.parse::<u32>()) {
        (Some(mut workload), Ok(frames)) => {
            for _ in 0..frames {
                (workload.frame)();
            }
            ExitCode::SUCCESS
        }
        (None, _) => {
            eprintln!("there is no work named {name}; --list prints the names");
            ExitCode::from(2)
        }
        (_, Err(error)) => {
            eprintln!("{frames} is not a number of frames: {error}");
            ExitCode::from(2)
        }
    }
}
