//! Writes what happened in a call.

use crate::{
    Connection,
    queries::{calls, records},
};
use store::Record;

pub(crate) async fn write(db: &mut Connection, tenant: &str, record: &Record) -> Result<(), sqlx::Error> {
    let call = record.call().as_str();
    match record {
        Record::StreamStarted { at, .. } => calls::count_stream(db, tenant, call, *at).await,
        Record::Turn { turn, .. } => records::put_turn(db, tenant, call, turn).await,
        Record::Journal { chunk, .. } => records::put_chunk(db, tenant, call, chunk).await,
        Record::Event { event, .. } => records::put_event(db, tenant, call, event).await,
        Record::Ended { ended, .. } => calls::end_call(db, tenant, call, ended).await,
    }
}
