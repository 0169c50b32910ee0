//! The behaviour that every database must show, as tests that a database crate instantiates.

/// Makes the tests of the store's contract. `$open` is an async expression that gives a value that holds an
/// empty [`Store`](crate::Store) in its field `store`, and whatever must live as long as it.
///
/// The crate that uses it needs `tokio` with `macros` and `rt` among its test dependencies.
#[macro_export]
macro_rules! contract_tests {
    ($open:expr) => {
        use $crate::{
            CallFilter, CallId, CallMove, CallStatus, Direction, EndedCall, Event, JournalChunk, KeyOwner,
            NewCall, NewKey, Page, Record, Store, StoreError, TenantId, TenantStore, Turn,
        };

        fn new_call(sid: &str, created_at: i64) -> NewCall {
            NewCall {
                id: CallId::new(),
                carrier_sid: sid.to_owned(),
                direction: Direction::Inbound,
                from_number: "+15550100".to_owned(),
                to_number: "+15550199".to_owned(),
                assistant_id: "asst_1".to_owned(),
                status: CallStatus::Ringing,
                created_at,
            }
        }

        fn turn(epoch: i64, caller: &str) -> Turn {
            Turn {
                number: epoch,
                epoch,
                caller: caller.to_owned(),
                assistant: "Hello.".to_owned(),
                interrupted: epoch == 2,
                tools: "[]".to_owned(),
                waterfall: "{}".to_owned(),
                usage: "{}".to_owned(),
            }
        }

        fn chunk(first_seq: i64, entries: &str) -> JournalChunk {
            JournalChunk { first_seq, entries: entries.to_owned() }
        }

        async fn tenant(store: &impl Store, id: &str) -> Box<dyn TenantStore> {
            let id = TenantId::from(id);
            store.put_tenant(&id, "A tenant", 1).await.unwrap();
            store.tenant(&id)
        }

        #[tokio::test]
        async fn a_call_that_is_told_twice_is_there_once() {
            let opened = $open;
            let tenant = tenant(&opened.store, "ten_a").await;
            let first = tenant.ensure_call(new_call("CA1", 10)).await.unwrap();
            let second = tenant.ensure_call(new_call("CA1", 20)).await.unwrap();
            assert_eq!(first, second);
            assert_eq!(tenant.call(&first.id).await.unwrap().unwrap(), first);
            assert_eq!(tenant.call_by_carrier_sid("CA1").await.unwrap().unwrap(), first);
            assert_eq!(tenant.call(&CallId::from("call_none")).await.unwrap(), None);
        }

        #[tokio::test]
        async fn a_tenant_sees_and_changes_nothing_of_another() {
            let opened = $open;
            let ours = tenant(&opened.store, "ten_a").await;
            let theirs = tenant(&opened.store, "ten_b").await;
            let call = ours.ensure_call(new_call("CA1", 10)).await.unwrap();
            ours.append(&[
                Record::Turn { call: call.id.clone(), turn: turn(1, "Hi.") },
                Record::Journal { call: call.id.clone(), chunk: chunk(0, "[1]") },
                Record::Event {
                    call: call.id.clone(),
                    event: Event { at: 1, kind: "degraded".to_owned(), data: "{}".to_owned() },
                },
            ])
            .await
            .unwrap();

            assert_eq!(theirs.call(&call.id).await.unwrap(), None);
            assert_eq!(theirs.call_by_carrier_sid("CA1").await.unwrap(), None);
            let page = Page { after: None, limit: 10 };
            assert_eq!(theirs.calls(&CallFilter::default(), &page).await.unwrap(), []);
            assert_eq!(theirs.turns(&call.id).await.unwrap(), []);
            assert_eq!(theirs.events(&call.id).await.unwrap(), []);
            assert_eq!(theirs.journal(&call.id, 0, 10).await.unwrap(), []);
            assert!(!theirs.set_transfer(&call.id, "+15550100").await.unwrap());
            assert_eq!(theirs.count_reconnect(&call.id).await.unwrap(), None);
            let step = CallMove {
                from: CallStatus::Ringing,
                to: CallStatus::Failed,
                answered_at: None,
                ended_at: None,
                carrier_duration_s: None,
            };
            assert!(!theirs.move_call(&call.id, step).await.unwrap());
            let foreign = Record::Turn { call: call.id.clone(), turn: turn(1, "Bye.") };
            let refused = theirs.append(&[foreign]).await.unwrap_err();
            assert!(matches!(refused, StoreError::Conflict { .. }), "{refused:?}");
            assert_eq!(ours.call(&call.id).await.unwrap().unwrap(), call);
            assert_eq!(ours.turns(&call.id).await.unwrap(), [turn(1, "Hi.")]);

            let same_sid = theirs.ensure_call(new_call("CA1", 10)).await.unwrap();
            assert_ne!(same_sid.id, call.id);
        }

        #[tokio::test]
        async fn a_step_counts_only_from_the_state_it_starts_from() {
            let opened = $open;
            let tenant = tenant(&opened.store, "ten_a").await;
            let call = tenant.ensure_call(new_call("CA1", 10)).await.unwrap();
            let step = |from, to, ended_at, carrier_duration_s| CallMove {
                from,
                to,
                answered_at: Some(20),
                ended_at,
                carrier_duration_s,
            };
            let (ringing, talking, over) =
                (CallStatus::Ringing, CallStatus::InProgress, CallStatus::Completed);
            assert!(tenant.move_call(&call.id, step(ringing, talking, None, None)).await.unwrap());
            assert!(!tenant.move_call(&call.id, step(ringing, over, None, None)).await.unwrap());
            assert!(tenant.move_call(&call.id, step(talking, over, Some(90), Some(7))).await.unwrap());
            assert!(tenant.move_call(&call.id, step(over, over, Some(95), Some(8))).await.unwrap());
            let call = tenant.call(&call.id).await.unwrap().unwrap();
            assert_eq!(call.status, over);
            assert_eq!(
                (call.answered_at, call.ended_at, call.carrier_duration_s),
                (Some(20), Some(90), Some(7))
            );
        }

        #[tokio::test]
        async fn what_happened_in_a_call_is_read_back_in_order() {
            let opened = $open;
            let tenant = tenant(&opened.store, "ten_a").await;
            let call = tenant.ensure_call(new_call("CA1", 10)).await.unwrap();
            let id = call.id.clone();
            let event = |at, kind: &str| Event { at, kind: kind.to_owned(), data: "{}".to_owned() };
            let ended = EndedCall {
                at: 90,
                reason: "caller_hung_up".to_owned(),
                duration_ms: 70,
                recording_ms: Some(69),
                context: "[]".to_owned(),
                final_for_carrier: true,
            };
            tenant
                .append(&[
                    Record::StreamStarted { call: id.clone(), at: 20 },
                    Record::Turn { call: id.clone(), turn: turn(2, "And now?") },
                    Record::Turn { call: id.clone(), turn: turn(1, "Hi") },
                    Record::Turn { call: id.clone(), turn: turn(1, "Hi.") },
                    Record::Journal { call: id.clone(), chunk: chunk(2, "[2]") },
                    Record::Journal { call: id.clone(), chunk: chunk(0, "[0,1]") },
                    Record::Journal { call: id.clone(), chunk: chunk(0, "[\"told again\"]") },
                    Record::Event { call: id.clone(), event: event(40, "stream_lost") },
                    Record::Event { call: id.clone(), event: event(30, "degraded") },
                    Record::Ended { call: id.clone(), ended },
                ])
                .await
                .unwrap();

            assert_eq!(tenant.turns(&id).await.unwrap(), [turn(1, "Hi."), turn(2, "And now?")]);
            let kinds: Vec<_> =
                tenant.events(&id).await.unwrap().into_iter().map(|event| event.kind).collect();
            assert_eq!(kinds, ["degraded", "stream_lost"]);
            assert_eq!(tenant.journal(&id, 0, 10).await.unwrap(), [chunk(0, "[0,1]"), chunk(2, "[2]")]);
            assert_eq!(tenant.journal(&id, 1, 1).await.unwrap(), [chunk(2, "[2]")]);
            let call = tenant.call(&id).await.unwrap().unwrap();
            assert_eq!((call.streams, call.answered_at, call.ended_at), (1, Some(20), Some(90)));
            assert_eq!((call.status, call.duration_ms), (CallStatus::Completed, Some(70)));
            assert_eq!(call.end_reason.as_deref(), Some("caller_hung_up"));
            assert_eq!(tenant.count_reconnect(&id).await.unwrap(), Some(1));
            assert_eq!(tenant.count_reconnect(&id).await.unwrap(), Some(2));
        }

        #[tokio::test]
        async fn a_call_that_is_handed_over_is_not_over_for_the_carrier() {
            let opened = $open;
            let tenant = tenant(&opened.store, "ten_a").await;
            let call = tenant.ensure_call(new_call("CA1", 10)).await.unwrap();
            assert!(tenant.set_transfer(&call.id, "+15550142").await.unwrap());
            let ended = EndedCall {
                at: 90,
                reason: "transferred".to_owned(),
                duration_ms: 70,
                recording_ms: None,
                context: "[]".to_owned(),
                final_for_carrier: false,
            };
            tenant
                .append(&[
                    Record::StreamStarted { call: call.id.clone(), at: 20 },
                    Record::Ended { call: call.id.clone(), ended },
                ])
                .await
                .unwrap();
            let call = tenant.call(&call.id).await.unwrap().unwrap();
            assert_eq!((call.status, call.ended_at), (CallStatus::InProgress, None));
            assert_eq!(call.transfer_to.as_deref(), Some("+15550142"));
        }

        #[tokio::test]
        async fn records_are_written_all_or_none() {
            let opened = $open;
            let tenant = tenant(&opened.store, "ten_a").await;
            let call = tenant.ensure_call(new_call("CA1", 10)).await.unwrap();
            let stranger = CallId::from("call_none");
            let refused = tenant
                .append(&[
                    Record::Turn { call: call.id.clone(), turn: turn(1, "Hi.") },
                    Record::Turn { call: stranger, turn: turn(1, "Hi.") },
                ])
                .await
                .unwrap_err();
            assert!(matches!(refused, StoreError::Conflict { .. }) && !refused.is_retryable(), "{refused:?}");
            assert_eq!(tenant.turns(&call.id).await.unwrap(), []);
        }

        #[tokio::test]
        async fn pages_hold_every_call_once_newest_first() {
            let opened = $open;
            let tenant = tenant(&opened.store, "ten_a").await;
            let mut made = Vec::new();
            for (index, created_at) in [30, 10, 20, 20, 20, 40].into_iter().enumerate() {
                let call = tenant.ensure_call(new_call(&format!("CA{index}"), created_at)).await.unwrap();
                made.push((call.created_at, call.id));
            }
            made.sort();
            made.reverse();

            let mut read = Vec::new();
            let mut page = Page { after: None, limit: 2 };
            loop {
                let calls = tenant.calls(&CallFilter::default(), &page).await.unwrap();
                let Some(last) = calls.last() else { break };
                page.after = Some((last.created_at, last.id.clone()));
                read.extend(calls.into_iter().map(|call| (call.created_at, call.id)));
            }
            assert_eq!(read, made);
        }

        #[tokio::test]
        async fn a_filter_keeps_what_it_names() {
            let opened = $open;
            let tenant = tenant(&opened.store, "ten_a").await;
            for (index, from) in ["+15550100", "+15550101"].into_iter().enumerate() {
                let at = 10 + i64::try_from(index).unwrap();
                let call = NewCall { from_number: from.to_owned(), ..new_call(&format!("CA{index}"), at) };
                tenant.ensure_call(call).await.unwrap();
            }
            let count = async |filter: CallFilter| {
                tenant.calls(&filter, &Page { after: None, limit: 10 }).await.unwrap().len()
            };
            assert_eq!(count(CallFilter::default()).await, 2);
            assert_eq!(
                count(CallFilter { from_number: Some("+15550101".into()), ..CallFilter::default() }).await,
                1
            );
            assert_eq!(
                count(CallFilter { to_number: Some("+15550101".into()), ..CallFilter::default() }).await,
                0
            );
            assert_eq!(
                count(CallFilter { status: Some(CallStatus::Ringing), ..CallFilter::default() }).await,
                2
            );
            assert_eq!(
                count(CallFilter { status: Some(CallStatus::Failed), ..CallFilter::default() }).await,
                0
            );
            assert_eq!(count(CallFilter { created_from: Some(11), ..CallFilter::default() }).await, 1);
            assert_eq!(count(CallFilter { created_until: Some(11), ..CallFilter::default() }).await, 1);
        }

        #[tokio::test]
        async fn a_key_leads_to_its_tenant() {
            let opened = $open;
            let tenant = tenant(&opened.store, "ten_a").await;
            assert_eq!(tenant.key_count().await.unwrap(), 0);
            let key = NewKey { id: "key_1".into(), name: "first".into(), hash: "aa".into(), created_at: 1 };
            tenant.add_key(key.clone()).await.unwrap();
            assert_eq!(tenant.key_count().await.unwrap(), 1);
            let owner = KeyOwner { key: "key_1".into(), tenant: "ten_a".into() };
            assert_eq!(opened.store.key_owner("aa").await.unwrap(), Some(owner));
            assert_eq!(opened.store.key_owner("ab").await.unwrap(), None);
            let again = tenant.add_key(NewKey { id: "key_2".into(), ..key }).await.unwrap_err();
            assert!(matches!(again, StoreError::Conflict { .. }), "{again:?}");
        }

        #[tokio::test]
        async fn a_closed_store_says_so() {
            let opened = $open;
            opened.store.check_writable(1).await.unwrap();
            opened.store.close().await;
            let refused = opened.store.check_writable(2).await.unwrap_err();
            assert!(refused.is_retryable(), "{refused:?}");
        }
    };
}
