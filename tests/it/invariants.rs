//! What must always hold, one test for each rule, against the whole product in virtual time.
//!
//! A played call leaves four books behind that know nothing of each other: the journal, the turns that the API shows,
//! the sandbox's log of what was asked of the providers, and the carrier's report. A rule that is broken shows as a
//! contradiction between them.

use crate::{
    heard_truth::{compare_words, play_in_tones},
    support::Folder,
};
use engine::{
    call::{
        journal::{Decider, JournalEntry},
        playout::{self, Playout},
        replay::Replay,
        turn::{Output, Turns},
    },
    options::EngineOptions,
};
use fixtures::{
    call::Fixture,
    sandbox::{Entry, Event, SandboxOptions, Service, tone},
    virtual_time,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use tandem::{
    config::Config,
    rehearsal::{Performance, Rehearsal, config, sandbox_options},
    wiring,
};

mod bounded;
mod effects;
mod epochs;
mod lead;
mod recovery;

/// A call that was played, and all its books.
pub(crate) struct Books {
    pub(crate) performance: Performance,
    pub(crate) journal: Vec<JournalEntry>,
    pub(crate) seen: Vec<Entry>,
    pub(crate) metrics: String,
    /// The deciders as they were before the call.
    pub(crate) turns: Turns,
    pub(crate) options: EngineOptions,
}

impl Books {
    pub(crate) fn requests(&self, service: Service) -> Vec<&serde_json::Value> {
        let of_service = self.seen.iter().filter(|entry| entry.service == service);
        of_service
            .filter_map(|entry| match &entry.event {
                Event::Request { body, .. } => Some(body),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn replay(&self) -> Replay {
        Replay::new(self.turns.clone(), self.options.playout)
    }

    pub(crate) fn ledger_input(entry: &JournalEntry) -> playout::Input {
        serde_json::from_str(entry.input.get()).unwrap()
    }
}

/// Plays a recorded call and keeps its books.
pub(crate) fn keep_books(name: &str, sandbox: SandboxOptions, tune: impl Fn(&mut Config)) -> Books {
    let fixture = Fixture::named(name).unwrap();
    let folder = Folder::new();
    virtual_time::run(async {
        let rehearsal = Rehearsal::start(sandbox, &fixture, folder.path(), &tune).await.unwrap();
        let performance = rehearsal.call(&fixture, rehearsal.carrier_options(), |_| {}).await.unwrap();
        let lines = rehearsal.text(&format!("/v1/calls/{}/journal", performance.call.id)).await.unwrap();
        let journal = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let metrics = rehearsal.text("/metrics").await.unwrap();
        let seen = rehearsal.sandbox.log().entries();
        let mut config = config(&rehearsal.sandbox.base_url(), &fixture, folder.path());
        tune(&mut config);
        rehearsal.end().await.unwrap();
        let options = wiring::engine_options(&config);
        let recorder = PrometheusBuilder::new().build_recorder();
        let assistant = wiring::control_plane(&config, recorder.handle()).unwrap().tenant.assistant;
        let EngineOptions { turn, endpointing, context, .. } = options.clone();
        let turns = Turns::new(turn, endpointing, context, assistant);
        Books { performance, journal, seen, metrics, turns, options }
    })
}

/// The facts that `llm_turn` was told, told again to its decider alone, give everything that anybody did in the call:
/// there is nothing that somebody else has decided.
#[test]
fn invariant_1_only_llm_turn_decides() {
    for name in ["double-barge-in", "order-status"] {
        let books = keep_books(name, sandbox_options(), |_| {});
        let mut replay = books.replay();
        let mut ledger = Playout::new(books.options.playout);
        let (mut records, mut questions, mut said, mut tools, mut ends) =
            (vec![], 0, String::new(), vec![], vec![]);
        let (mut commands, mut obeyed) = (vec![], vec![]);
        let (mut clears, mut marks) = (0, 0);
        for entry in &books.journal {
            for decision in replay.entry(entry).unwrap() {
                match decision {
                    Output::Turn(record) => records.push(*record),
                    Output::AskModel { .. } => questions += 1,
                    Output::Say { text, .. } => said.push_str(&text),
                    Output::RunTool { call, .. } => tools.push(call.name),
                    Output::End { reason, .. } => ends.push(reason),
                    Output::Hold(_) => commands.push("hold".to_owned()),
                    Output::Resume(_) => commands.push("resume".to_owned()),
                    Output::Drop(epoch) => commands.push(format!("drop {epoch}")),
                    Output::CancelModel
                    | Output::Finish(_)
                    | Output::FinalizeTranscript
                    | Output::Transfer { .. }
                    | Output::Degraded { .. } => {}
                }
            }
            if entry.decider == Decider::Playout {
                let input = Books::ledger_input(entry);
                match &input {
                    playout::Input::Hold => obeyed.push("hold".to_owned()),
                    playout::Input::Resume => obeyed.push("resume".to_owned()),
                    playout::Input::Drop { epoch } => obeyed.push(format!("drop {epoch}")),
                    _ => {}
                }
                ledger.handle(input, entry.at);
                while let Some(output) = ledger.poll_output() {
                    clears += u64::from(output == playout::Output::Clear);
                    marks += u64::from(matches!(output, playout::Output::Mark(_)));
                }
            }
        }
        let Performance { call, report, .. } = &books.performance;
        let shown: Vec<_> = call
            .turns
            .iter()
            .map(|t| (t.number, &t.caller, &t.assistant, t.interrupted, &t.tools, t.waterfall))
            .collect();
        let decided: Vec<_> = records
            .iter()
            .map(|t| (t.number, &t.caller, &t.assistant, t.interrupted, &t.tools, t.waterfall))
            .collect();
        assert_eq!(shown, decided, "{name}: turns");
        assert_eq!(books.requests(Service::Anthropic).len(), questions, "{name}: questions to the model");
        let run: Vec<_> = books
            .requests(Service::Tools)
            .iter()
            .map(|body| body["tool"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(run, tools, "{name}: tools");
        let spoken: String = books
            .seen
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let letters = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(letters(&spoken), letters(&said), "{name}: what was synthesised");
        assert_eq!(obeyed, commands, "{name}: commands to the ledger");
        assert_eq!(
            (report.clears, report.marks_received),
            (clears, marks),
            "{name}: clears and marks on the wire"
        );
        assert_eq!(ends.len(), 1, "{name}");
        let reason = serde_json::to_value(ends[0]).unwrap();
        assert_eq!(call.end_reason.as_deref(), reason.as_str(), "{name}: the end");
    }
}

/// The turn holds what sounded, to one word, and the model is told of nothing else.
#[test]
fn invariant_3_the_context_holds_what_the_caller_heard() {
    let played = play_in_tones("barge-in");
    let wrong = compare_words(&played.performance.call.turns, &tone::decode(&played.assistant));
    assert!(wrong.is_empty(), "{wrong:#?}");

    let books = keep_books("barge-in", sandbox_options(), |_| {});
    let turn = &books.performance.call.turns[1];
    let requests = books.requests(Service::Anthropic);
    let messages = requests.last().unwrap()["messages"].as_array().unwrap();
    let told: String =
        messages.iter().filter(|m| m["role"] == "assistant").map(|m| m["content"].to_string()).collect();
    assert!(turn.interrupted && turn.assistant.split_whitespace().count() > 5, "{turn:?}");
    assert!(told.contains(&turn.assistant), "{told}");
    let fixture = Fixture::named("barge-in").unwrap();
    let reply = &fixture.scenario.rules.iter().find(|rule| rule.reply.starts_with("We sell")).unwrap().reply;
    let unheard = reply.strip_prefix(&turn.assistant).expect("the turn holds the reply's beginning");
    let next = unheard.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
    assert!(!told.contains(&next), "the model was told of `{next}`, which nobody heard: {told}");
}
