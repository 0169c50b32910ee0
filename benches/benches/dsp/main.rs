//! Measures the signal processing beside everything else that a user could pick: what it costs, what it does to the
//! sound, and whether the goals are met.
//!
//! `cargo bench -p benches dsp` prints every table. `cargo bench -p benches --bench dsp -- --help` tells how to print
//! some, and how to write them into a page or a file. The C libraries that it compares with are installed by
//! `benches/install-peers`; without them their rows are missing and everything else is measured.
#![allow(clippy::expect_used, reason = "a bench that cannot go on has failed")]

mod call;
mod chains;
mod g711;
mod harness;
mod peers;
mod quality;
mod resamplers;
mod signal;
mod table;

use peers::Peers;
use std::{
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
};
use table::{Report, of_goals};

const HELP: &str = "usage: cargo bench -p benches --bench dsp -- [WORD …] [--json FILE] [--markdown FILE]

WORD             run only the sections whose names contain every WORD:
                 dsp/g711 dsp/resamplers dsp/chains dsp/quality dsp/call
--json FILE      write all tables as JSON
--markdown FILE  put the main tables into FILE, between its lines
                 <!-- bench:begin --> and <!-- bench:end -->

A FILE that is not absolute is looked for in the root of the repository.";

/// Measures something and adds what it found to the report.
type Section = fn(&Peers, &mut Report);

/// Everything there is to measure, by name.
const SECTIONS: [(&str, Section); 5] = [
    ("dsp/g711", g711::run),
    ("dsp/resamplers", resamplers::run),
    ("dsp/chains", chains::run),
    ("dsp/quality", quality::run),
    ("dsp/call", |_, report| call::run(report)),
];

/// What the command line asks for.
#[derive(Debug, Default)]
struct Arguments {
    words: Vec<String>,
    json: Option<PathBuf>,
    markdown: Option<PathBuf>,
}

impl Arguments {
    /// Nothing if only the help is wanted. What cargo passes to every bench is passed over.
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut parsed = Self::default();
        while let Some(argument) = arguments.next() {
            let mut file = || {
                let name = arguments.next().ok_or(format!("{argument} needs a file"))?;
                Ok::<_, String>(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name))
            };
            match argument.as_str() {
                "--help" | "-h" => return Ok(None),
                "--json" => parsed.json = Some(file()?),
                "--markdown" => parsed.markdown = Some(file()?),
                "--bench" | "--test" => {}
                option if option.starts_with('-') => return Err(format!("unknown option {option}")),
                word => parsed.words.push(word.to_owned()),
            }
        }
        Ok(Some(parsed))
    }

    fn wants(&self, section: &str) -> bool {
        self.words.iter().all(|word| section.contains(word.as_str()))
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed to write the results: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let wanted: Vec<_> = SECTIONS.into_iter().filter(|(name, _)| arguments.wants(name)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let peers = Peers::find();
    let mut report = Report {
        machine: machine(),
        date: jiff::Zoned::now().date().to_string(),
        missing: peers.missing.clone(),
        ..Report::default()
    };
    println!("{}, {}", report.machine, report.date);
    for missing in &peers.missing {
        println!("not measured: {missing}");
    }
    for (_, section) in wanted {
        section(&peers, &mut report);
    }
    if !report.goals.is_empty() {
        print!("{}", of_goals(&report.goals).text());
    }
    if let Some(file) = &arguments.json {
        std::fs::write(file, serde_json::to_string_pretty(&report)?)?;
    }
    if let Some(file) = &arguments.markdown {
        let page = std::fs::read_to_string(file)?;
        std::fs::write(file, replace_marked(&page, &report.markdown())?)?;
    }
    Ok(())
}

/// The page with `text` between its two marks.
fn replace_marked(page: &str, text: &str) -> Result<String, Box<dyn Error>> {
    const MARKS: (&str, &str) = ("<!-- bench:begin -->\n", "<!-- bench:end -->");
    let (before, rest) = page.split_once(MARKS.0).ok_or("the page has no line <!-- bench:begin -->")?;
    let (_, after) = rest.split_once(MARKS.1).ok_or("the page has no line <!-- bench:end -->")?;
    Ok(format!("{before}{}{text}{}{after}", MARKS.0, MARKS.1))
}

/// The processor, as the system names it, and the vector instructions that are used on it.
fn machine() -> String {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unnamed processor", |(_, name)| name);
    let set = audio_dsp::InstructionSet::detected().name();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model} ({cores} threads, {set})")
}
