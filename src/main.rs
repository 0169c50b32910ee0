//! The `tandem` program: parses the command line, runs the command, and turns its end into an exit code.

use clap::Parser as _;
use std::process::ExitCode;
use tandem::{cli::Cli, run};

fn main() -> ExitCode {
    run::run(Cli::parse())
}
