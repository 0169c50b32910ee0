//! Nothing of one tenant is seen or changed by another.

use super::{
    actor,
    calls::{chunk, new_call, turn},
    ledger::usage,
    samples::{Sample, api_key, e164, number, tenant_with_one_of_everything},
    tenant,
};
use crate::{
    CallFacts, CallFilter, CallMove, CallStatus, Event, Filter, Page, Record, Store, StoreError, Table,
    TenantId, TenantStore,
    ids::{KeyId, MembershipId, UserId},
    model::{
        audit::AuditFilter,
        identity::{Invitation, Membership, Role, UserMembership},
        number::{Number, NumberStatus},
        tenant::{Tenant, TenantStatus},
        work::{Health, HealthStatus, TenantHealth, WorkKind},
    },
};

async fn sees_nothing(theirs: &dyn TenantStore, sample: &Sample) {
    let (table, id) = (sample.table, sample.id.as_str());
    assert_eq!(theirs.document(table, id).await.unwrap(), None, "{table:?}");
    let seen = theirs.documents(table, &Filter::first(1_000)).await.unwrap();
    assert!(seen.iter().all(|row| row.id != sample.id), "{table:?}");
    let seen = theirs.documents(table, &Filter::first(1_000).oldest_first()).await.unwrap();
    assert!(seen.iter().all(|row| row.id != sample.id), "{table:?}");
    if table != Table::DataKeys
        && let Some(lookup) = &sample.lookup
    {
        assert_eq!(theirs.document_by_lookup(table, lookup).await.unwrap(), None, "{table:?}");
    }
    let mut tx = theirs.begin(&actor(), 2).await.unwrap();
    assert_eq!(tx.document(table, id).await.unwrap(), None, "{table:?}");
    let refused = tx.replace_document(table, id, 1, &sample.body).await.unwrap_err();
    assert!(matches!(refused, StoreError::Missing { .. }), "{table:?}: {refused:?}");
    drop(tx);
    let mut tx = theirs.begin(&actor(), 2).await.unwrap();
    let refused = tx.remove_document(table, id, 1).await.unwrap_err();
    assert!(matches!(refused, StoreError::Missing { .. }), "{table:?}: {refused:?}");
}

pub async fn no_resource_of_a_tenant_is_another_ones(store: &dyn Store) {
    let (ours, samples) = tenant_with_one_of_everything(store, "a").await;
    let theirs = tenant(store, "b").await;
    assert_eq!(samples.len(), Table::ALL.len());
    for sample in &samples {
        sees_nothing(&*theirs, sample).await;
        assert_eq!(
            theirs.document_count(sample.table, &Filter::default()).await.unwrap(),
            i64::from(sample.table == Table::Tenants),
            "{:?}: each sees only its own row of the tenants",
            sample.table
        );
        if sample.of_the_platform {
            sees_nothing(&*ours, sample).await;
        }
        let owner = if sample.of_the_platform { store.platform() } else { store.tenant(ours.id()) };
        let row = owner.document(sample.table, &sample.id).await.unwrap().unwrap();
        assert_eq!((row.version, row.body.as_str()), (1, sample.body.as_str()), "{:?}", sample.table);
        if let Some(lookup) = &sample.lookup {
            let found = owner.document_by_lookup(sample.table, lookup).await.unwrap();
            assert_eq!(found, Some(row), "{:?} by {lookup}", sample.table);
        }
    }
}

pub async fn no_call_of_a_tenant_is_another_ones(store: &dyn Store) {
    let ours = tenant(store, "a").await;
    let theirs = tenant(store, "b").await;
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
    ours.put_usage(&usage("use-1", Some(&call.id), 1)).await.unwrap();

    assert_eq!(theirs.call(&call.id).await.unwrap(), None);
    assert_eq!(theirs.call_by_carrier_sid("CA1").await.unwrap(), None);
    let page = Page { after: None, limit: 10 };
    assert_eq!(theirs.calls(&CallFilter::default(), &page).await.unwrap(), []);
    let said = CallFilter { said: Some("hi".to_owned()), ..CallFilter::default() };
    assert_eq!(theirs.calls(&said, &page).await.unwrap(), []);
    assert_eq!(theirs.turns(&call.id).await.unwrap(), []);
    assert_eq!(theirs.events(&call.id).await.unwrap(), []);
    assert_eq!(theirs.journal(&call.id, 0, 10).await.unwrap(), []);
    assert_eq!(theirs.usage_of(&call.id).await.unwrap(), []);
    assert_eq!(theirs.usage(0, i64::MAX).await.unwrap(), []);
    assert!(!theirs.set_transfer(&call.id, "+15550100").await.unwrap());
    assert_eq!(theirs.count_reconnect(&call.id).await.unwrap(), None);
    let facts = CallFacts { error: Some("theirs".to_owned()), ..CallFacts::default() };
    assert!(!theirs.learn(&call.id, &facts).await.unwrap());
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

    let mut tx = theirs.begin(&actor(), 2).await.unwrap();
    assert!(!tx.learn(&call.id, &facts).await.unwrap());
    assert!(!tx.move_call(&call.id, step).await.unwrap());
    tx.commit().await.unwrap();

    assert_eq!(ours.call(&call.id).await.unwrap().unwrap(), call);
    assert_eq!(ours.turns(&call.id).await.unwrap(), [turn(1, "Hi.")]);
    let same_sid = theirs.ensure_call(new_call("CA1", 10)).await.unwrap();
    assert_ne!(same_sid.id, call.id);
}

pub async fn logs_keys_and_work_of_a_tenant_are_not_another_ones(store: &dyn Store) {
    let ours = tenant(store, "a").await;
    let theirs = tenant(store, "b").await;
    let mut tx = ours.begin(&actor(), 1).await.unwrap();
    let key = tx.insert(api_key("aa")).await.unwrap();
    tx.schedule(WorkKind::Job, "job_1", 1).await.unwrap();
    tx.commit().await.unwrap();
    ours.touch_key(&key.id, 3).await.unwrap();

    let filter = AuditFilter { limit: 10, ..AuditFilter::default() };
    assert_eq!(theirs.audit_log(&filter).await.unwrap(), []);
    assert_eq!(theirs.key_uses().await.unwrap(), []);
    assert!(matches!(theirs.touch_key(&key.id, 4).await, Err(StoreError::Conflict { .. })));
    let claims = store.claim_work(WorkKind::Job, 1, 9, 10).await.unwrap();
    assert_eq!(claims.len(), 1);
    assert!(!theirs.finish_work(&claims[0]).await.unwrap());
    assert!(!theirs.retry_work(&claims[0], 5).await.unwrap());
    assert!(!theirs.extend_work(&claims[0], 50).await.unwrap());
    assert_eq!(ours.key_uses().await.unwrap(), [(key.id, 3)]);
    assert!(ours.finish_work(&claims[0]).await.unwrap());
}

pub async fn the_platform_reaches_all_tenants_and_each_tenant_itself(store: &dyn Store) {
    let ours = tenant(store, "a").await;
    let theirs = tenant(store, "b").await;
    let platform = store.platform();
    let slugs: Vec<_> = platform
        .list::<Tenant>(&Filter::first(10).oldest_first())
        .await
        .unwrap()
        .into_iter()
        .map(|t| t.value.slug)
        .collect();
    assert_eq!(slugs, ["platform", "a", "b"]);
    assert_eq!(platform.find::<Tenant>("b").await.unwrap().unwrap().id, *theirs.id());
    assert_eq!(ours.find::<Tenant>("b").await.unwrap(), None);

    let mine = ours.get::<Tenant>(ours.id()).await.unwrap().unwrap();
    let mut tx = ours.begin(&actor(), 5).await.unwrap();
    let renamed = Tenant { name: "Renamed".to_owned(), ..mine.value };
    assert_eq!(tx.update::<Tenant>(&mine.id, mine.version, renamed).await.unwrap().version, 2);
    tx.commit().await.unwrap();
    assert_eq!(platform.get::<Tenant>(ours.id()).await.unwrap().unwrap().value.name, "Renamed");

    let mut tx = ours.begin(&actor(), 5).await.unwrap();
    let third = super::samples::tenant_value("c");
    assert!(tx.insert_as(TenantId::generate(), third).await.is_err(), "a tenant does not make another");
}

pub async fn the_platform_sees_the_worst_providers_first_and_whose_are_due(store: &dyn Store) {
    let health = |subject: &str, status, due_at| Health {
        subject: subject.to_owned(),
        status,
        message: String::new(),
        critical: status == HealthStatus::Down,
        failures: 0,
        checked_at: 1,
        latency_ms: None,
        details: [].into(),
        alerted_at: None,
        due_at,
    };
    let (ours, theirs) = (tenant(store, "a").await, tenant(store, "b").await);
    let (new, suspended) = (tenant(store, "c").await, tenant(store, "d").await);
    for (part, rows) in [
        (&ours, [health("x", HealthStatus::Healthy, 50), health("y", HealthStatus::Degraded, 10)]),
        (&theirs, [health("x", HealthStatus::Down, 30), health("y", HealthStatus::NotConfigured, 40)]),
    ] {
        let mut tx = part.begin(&actor(), 1).await.unwrap();
        for row in rows {
            tx.insert(row).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    let row = suspended.get::<Tenant>(suspended.id()).await.unwrap().unwrap();
    let mut tx = suspended.begin(&actor(), 1).await.unwrap();
    let value = Tenant { status: TenantStatus::Suspended, ..row.value };
    tx.update::<Tenant>(&row.id, row.version, value).await.unwrap();
    tx.commit().await.unwrap();

    let seen = |rows: Vec<TenantHealth>| {
        rows.into_iter().map(|row| (row.tenant, row.health.status)).collect::<Vec<_>>()
    };
    let all = [
        (theirs.id().clone(), HealthStatus::Down),
        (ours.id().clone(), HealthStatus::Degraded),
        (ours.id().clone(), HealthStatus::Healthy),
        (theirs.id().clone(), HealthStatus::NotConfigured),
    ];
    assert_eq!(seen(store.health_of_all(10).await.unwrap()), all);
    assert_eq!(seen(store.health_of_all(2).await.unwrap()), all[..2]);

    let due = async |now, after: &TenantId, limit| store.health_due(now, after, limit).await.unwrap();
    let first = TenantId::known("");
    assert_eq!(due(9, &first, 10).await, [new.id().clone()], "nobody has looked at its providers");
    assert_eq!(due(10, &first, 10).await, [ours.id().clone(), new.id().clone()], "the earliest counts");
    assert_eq!(due(30, &first, 2).await, [ours.id().clone(), theirs.id().clone()]);
    assert_eq!(due(30, theirs.id(), 2).await, [new.id().clone()], "whoever is not served is not asked");
}

pub async fn an_active_number_belongs_to_one_tenant(store: &dyn Store) {
    let ours = tenant(store, "a").await;
    let theirs = tenant(store, "b").await;
    let put = async |tenant: &dyn TenantStore, number: Number| {
        let mut tx = tenant.begin(&actor(), 1).await.unwrap();
        let put = tx.insert(number).await?;
        tx.commit().await.map(|()| put)
    };
    let first = put(&*ours, number(&e164("x"))).await.unwrap();
    let owner = store.number_owner(&e164("x")).await.unwrap().unwrap();
    assert_eq!((&owner.tenant, &owner.number), (ours.id(), &first.id));
    assert_eq!(store.number_owner("+15559999999").await.unwrap(), None);

    let refused = put(&*theirs, number(&e164("x"))).await.unwrap_err();
    assert!(matches!(refused, StoreError::Taken { what: "number" }), "{refused:?}");
    let waiting = Number { status: NumberStatus::Inactive, ..number(&e164("x")) };
    let waiting = put(&*theirs, waiting).await.unwrap();
    let mut tx = theirs.begin(&actor(), 1).await.unwrap();
    let refused = tx.update::<Number>(&waiting.id, 1, number(&e164("x"))).await.unwrap_err();
    assert!(matches!(refused, StoreError::Taken { what: "number" }), "{refused:?}");
    drop(tx);

    let mut tx = ours.begin(&actor(), 2).await.unwrap();
    let released = Number { status: NumberStatus::Released, ..first.value };
    tx.update::<Number>(&first.id, 1, released).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.number_owner(&e164("x")).await.unwrap(), None);
    let mut tx = theirs.begin(&actor(), 3).await.unwrap();
    tx.update::<Number>(&waiting.id, 1, number(&e164("x"))).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.number_owner(&e164("x")).await.unwrap().unwrap().tenant, *theirs.id());

    let second = put(&*theirs, number(&e164("y"))).await.unwrap_err();
    assert!(matches!(second, StoreError::Taken { .. }), "one primary number: {second:?}");
}

pub async fn a_key_leads_to_its_tenant(store: &dyn Store) {
    let ours = tenant(store, "a").await;
    let theirs = tenant(store, "b").await;
    let mut tx = ours.begin(&actor(), 1).await.unwrap();
    let key = tx.insert(api_key("aa")).await.unwrap();
    tx.commit().await.unwrap();
    let owner = store.key_owner("aa").await.unwrap().unwrap();
    assert_eq!((&owner.tenant, &owner.key), (ours.id(), &key.id));
    for unknown in ["ab", "", "a\0a"] {
        assert_eq!(store.key_owner(unknown).await.unwrap(), None, "{unknown:?}");
    }
    let mut tx = theirs.begin(&actor(), 1).await.unwrap();
    let refused = tx.insert(api_key("aa")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Taken { .. }), "{refused:?}");
    drop(tx);
    assert_eq!(ours.count::<crate::model::identity::ApiKey>(&Filter::default()).await.unwrap(), 1);
    assert_eq!(ours.get::<crate::model::identity::ApiKey>(&KeyId::generate()).await.unwrap(), None);
}

pub async fn a_user_learns_in_which_tenants_it_is_what(store: &dyn Store) {
    let (user, other) = (UserId::generate(), UserId::generate());
    let mut expected = Vec::new();
    for (slug, role) in [("a", Role::Owner), ("b", Role::Viewer)] {
        let tenant = tenant(store, slug).await;
        let mut tx = tenant.begin(&actor(), 1).await.unwrap();
        tx.insert(Membership { user: user.clone(), role, invitation: None }).await.unwrap();
        tx.insert(Membership { user: other.clone(), role: Role::Admin, invitation: None }).await.unwrap();
        let twice = tx
            .insert_new(
                MembershipId::generate(),
                Membership { user: user.clone(), role: Role::Admin, invitation: None },
            )
            .await
            .unwrap();
        assert_eq!(twice, None, "a user has one role in a tenant");
        tx.commit().await.unwrap();
        expected.push(UserMembership { tenant: tenant.id().clone(), role });
    }
    let mut tx = tenant(store, "c").await.begin(&actor(), 1).await.unwrap();
    let invitation = Some(Invitation { hash: String::new(), expires_at: 9 });
    tx.insert(Membership { user: user.clone(), role: Role::Owner, invitation }).await.unwrap();
    tx.commit().await.unwrap();
    expected.sort_by(|a, b| a.tenant.cmp(&b.tenant));
    assert_eq!(store.memberships_of(&user).await.unwrap(), expected);
    assert_eq!(store.memberships_of(&UserId::generate()).await.unwrap(), []);
}

pub async fn an_account_leads_to_all_who_set_it_up(store: &dyn Store) {
    let (a, samples) = tenant_with_one_of_everything(store, "a").await;
    let account = samples.iter().find(|sample| sample.table == Table::ProviderAccounts).unwrap();
    let owners = store.account_owners("AC0-a").await.unwrap();
    assert_eq!(owners.len(), 1);
    assert_eq!((&owners[0].tenant, owners[0].account.as_str()), (a.id(), account.id.as_str()));
    assert_eq!(store.account_owners("AC1").await.unwrap(), []);
}
