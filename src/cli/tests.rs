//! What is typed arrives, what is wrong is refused with a hint, and the help can be read.

use super::{Cli, Command};
use clap::{CommandFactory, Parser, error::ErrorKind};
use std::time::Duration;

fn parse(line: &str) -> Result<Command, clap::Error> {
    Cli::try_parse_from(line.split_whitespace()).map(|cli| cli.command)
}

fn refusal(line: &str) -> clap::Error {
    parse(line).expect_err("the line is wrong")
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn no_command_shows_the_help() {
    let error = refusal("tandem");
    assert_eq!(error.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
    assert!(error.to_string().contains("tandem demo"), "{error}");
}

#[test]
fn every_command_teaches_with_an_example() {
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let help = refusal(&format!("tandem {name} --help"));
        assert_eq!(help.kind(), ErrorKind::DisplayHelp);
        assert!(help.to_string().contains("Example"), "{name}: {help}");
        assert!(help.to_string().contains(&format!("\n  tandem {name}")), "{name}: {help}");
    }
}

#[test]
fn the_version_is_shown() {
    let shown = refusal("tandem --version");
    assert_eq!(shown.kind(), ErrorKind::DisplayVersion);
    assert_eq!(shown.to_string().trim(), format!("tandem {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_demo_needs_nothing_and_takes_its_flags() {
    let Ok(Command::Demo(demo)) = parse("tandem demo") else { panic!("expected a demo") };
    assert!(demo.fixture.is_none() && !demo.json && !demo.fast && demo.keep.is_none());
    let Ok(Command::Demo(demo)) = parse("tandem demo --fixture barge-in --json --fast --keep out") else {
        panic!("expected a demo")
    };
    assert_eq!(demo.fixture.as_deref(), Some("barge-in"));
    assert!(demo.json && demo.fast);
    assert_eq!(demo.keep.as_deref(), Some("out".as_ref()));
}

#[test]
fn a_call_needs_its_fixture_and_its_server() {
    assert_eq!(refusal("tandem call").kind(), ErrorKind::MissingRequiredArgument);
    let line = "tandem call --fixture a --to http://127.0.0.1:1/x --auth-token t0k3n --from +15550111 --json";
    let Ok(Command::Call(call)) = parse(line) else { panic!("expected a call") };
    assert_eq!(call.target.to.as_str(), "http://127.0.0.1:1/x");
    assert_eq!(call.target.auth_token.reveal(), "t0k3n");
    assert_eq!(call.target.from, "+15550111");
    assert!(call.json);
    assert!(!format!("{call:?}").contains("t0k3n"));
}

#[test]
fn a_load_takes_several_fixtures_and_a_duration_with_a_unit() {
    let line = "tandem load --calls 200 --fixture a --fixture b --to http://127.0.0.1:1/x --ramp-per-second 0.5 \
                --duration 10m --numbers numbers.txt --report load.html --sandbox --sandbox-listen 127.0.0.1:9200 --json";
    let Ok(Command::Load(load)) = parse(line) else { panic!("expected a load") };
    assert_eq!(load.calls.get(), 200);
    assert_eq!(load.fixture, ["a", "b"]);
    assert_eq!(load.duration, Some(Duration::from_mins(10)));
    assert!((load.ramp_per_second - 0.5).abs() < f64::EPSILON);
    assert_eq!(load.sandbox_listen.port(), 9200);
    assert_eq!(load.numbers.as_deref(), Some("numbers.txt".as_ref()));
    assert!(load.json && load.sandbox);
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_hint() {
    for (line, hint) in [
        ("tandem load --calls 0 --fixture a --to http://a.example", "0"),
        ("tandem load --calls 1 --fixture a --to a.example", "http://127.0.0.1:8080"),
        ("tandem load --calls 1 --fixture a --to ftp://a.example", "http://127.0.0.1:8080"),
        ("tandem load --calls 1 --fixture a --to http://a.example --duration soon", "90s"),
        ("tandem load --calls 1 --fixture a --to http://a.example --ramp-per-second 0", "above 0"),
        ("tandem load --calls 1 --to http://a.example", "--fixture"),
        ("tandem load --calls 1 --fixture a --to http://a.example --floor-pid 1", "--floor"),
        ("tandem sandbox --listen here", "here"),
    ] {
        let message = refusal(line).to_string();
        assert!(message.contains(hint), "{line}: {message}");
    }
}

#[test]
fn serve_takes_a_file_or_prints_the_example() {
    let Ok(Command::Serve(serve)) = parse("tandem serve --config a.toml") else { panic!("expected serve") };
    assert_eq!(serve.config.as_deref(), Some("a.toml".as_ref()));
    let Ok(Command::Serve(serve)) = parse("tandem serve --print-example") else { panic!("expected serve") };
    assert!(serve.print_example);
}
