//! `tandem outage-twiml`: what callers hear when nothing of this installation runs.

use crate::support::Folder;
use std::process::{Command, Output};

fn outage(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.env_clear().arg("outage-twiml").args(arguments).output().expect("the program runs")
}

#[test]
fn the_file_for_an_outage_asks_to_call_later() {
    let written = outage(&[]);
    assert!(written.status.success(), "{written:?}");
    let text = String::from_utf8(written.stdout).unwrap();
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/outage.xml");
    assert_eq!(
        std::fs::read_to_string(committed).unwrap(),
        text,
        "the committed file is what the program writes"
    );
    assert!(text.contains("Please call back later.") && text.contains("<Hangup/>"), "{text}");
}

#[test]
fn the_file_for_an_outage_says_what_the_tenant_wants() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path()).unwrap();
    let file = folder.path().join("outage.xml");
    let out = file.display().to_string();
    let written = outage(&["--text", "Call <Ann> & Bob.", "--voice", "Polly.Marlene", "--out", &out]);
    assert!(written.status.success() && written.stdout.is_empty(), "{written:?}");
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(r#"voice="Polly.Marlene""#) && text.contains("&lt;Ann&gt; &amp; Bob."), "{text}");
    assert_eq!(outage(&["--text", " "]).status.code(), Some(2), "a file that says nothing is of no use");
}
