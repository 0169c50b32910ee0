//! Runs the bare echo server that `tandem load --floor` compares with:
//! `cargo run --release -p benches --bin echo-floor -- [ADDRESS]`. Without an address it takes a free port on
//! loopback. Prints the address of its voice webhook and its process id. One thread, as the server it is
//! compared with is given one core.

use std::{error::Error, process::ExitCode};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    if address.starts_with('-') || arguments.next().is_some() {
        eprintln!(
            "usage: echo-floor [ADDRESS]   such as 127.0.0.1:9000; without it, a free port on loopback"
        );
        return ExitCode::from(2);
    }
    match run(&address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed to serve on {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(address: &str) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        println!("http://{}/api/voice/incoming", listener.local_addr()?);
        println!("pid {}", std::process::id());
        benches::echo_floor::serve(listener).await?;
        Ok(())
    })
}
