//! What the directory remembers, bounded. Time is given in.
//!
//! What was read is believed for a while, and longer where changes are [heard of](Cache::heard): as long as nothing is heard that
//! concerns it.

use super::{DirectoryOptions, TenantView};
use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::Arc,
};
use store::{Stamp, TenantId};
use tokio::time::Instant;

/// Views, and who has which number and account.
pub(super) struct Cache {
    options: DirectoryOptions,
    views: HashMap<TenantId, Entry>,
    bytes: usize,
    /// Counts uses: the smallest is the longest ago.
    clock: u64,
    /// Counts changes: what was read before one may be older than it.
    generation: u64,
    /// Whose the last changes were, the latest last.
    changed: VecDeque<TenantId>,
    numbers: HashMap<String, NumberOwner>,
    accounts: HashMap<String, (Vec<TenantId>, Instant)>,
    /// Until when all changes were heard of.
    heard: Option<Instant>,
    /// When it was tried in vain to hear of them.
    deaf: Option<Instant>,
}

struct Entry {
    view: Arc<TenantView>,
    stamp: Stamp,
    /// When it was last known to be the latest; `None`: it was read while something changed.
    checked: Option<Instant>,
    read: Instant,
    used: u64,
}

enum NumberOwner {
    /// It had the number once; its view says whether it still does.
    Tenant(TenantId),
    /// Nobody had it then.
    Nobody(Instant),
}

/// What is remembered of a tenant.
pub(super) enum Found {
    /// It is believed.
    Fresh(Arc<TenantView>),
    /// It has to be compared with the stamp.
    Old {
        view: Arc<TenantView>,
        stamp: Stamp,
        /// When it was last known to be the latest.
        checked: Instant,
    },
    Nothing,
}

/// Changes that are remembered with whose they were: far more than happen while a tenant is read.
const CHANGES: usize = 256;

/// When there are too many views, so many of them go at once, least recently used first: an eighth.
const EVICTED_SHARE: usize = 8;

impl Cache {
    pub(super) fn new(options: DirectoryOptions) -> Self {
        Self {
            options,
            views: HashMap::new(),
            bytes: 0,
            clock: 0,
            generation: 0,
            changed: VecDeque::new(),
            numbers: HashMap::new(),
            accounts: HashMap::new(),
            heard: None,
            deaf: None,
        }
    }

    /// Whoever changed something before `until` was heard of.
    pub(super) fn heard(&mut self, until: Instant) {
        self.heard = self.heard.max(Some(until));
    }

    /// Nothing could be heard.
    pub(super) fn deaf(&mut self, at: Instant) {
        self.deaf = Some(at);
    }

    /// Whether it is too early to try again, for somebody who asks at `now`.
    pub(super) fn is_deaf(&self, now: Instant) -> bool {
        self.deaf.is_some_and(|deaf| now < deaf + self.options.fresh_for)
    }

    /// Whether all that was changed before `now` was heard of, or it was so a short time ago.
    pub(super) fn has_heard(&self, now: Instant) -> bool {
        self.heard.is_some_and(|heard| now < heard + self.options.fresh_for || now <= heard)
    }

    /// Whether what was good at `then` is believed at `now`: it was so a short time ago, or nothing else was heard since.
    fn believes(&self, then: Instant, now: Instant) -> bool {
        let short = self.options.fresh_for;
        now < then + short || self.has_heard(now)
    }

    /// To be asked before something is read that will be put.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn find(&mut self, id: &TenantId, now: Instant) -> Found {
        let Some(entry) = self.views.get_mut(id) else { return Found::Nothing };
        self.clock += 1;
        entry.used = self.clock;
        let (view, stamp, checked, read) = (Arc::clone(&entry.view), entry.stamp, entry.checked, entry.read);
        match checked {
            Some(checked) if self.believes(checked, now) => Found::Fresh(view),
            checked => Found::Old { view, stamp, checked: checked.unwrap_or(read) },
        }
    }

    /// The view is still the latest. A change since then has taken it away.
    pub(super) fn confirm(&mut self, id: &TenantId, now: Instant) {
        if let Some(entry) = self.views.get_mut(id) {
            entry.checked = Some(now);
        }
    }

    /// Whether something of the tenant has changed after `generation`, as far as that is remembered.
    fn has_changed(&self, id: &TenantId, generation: u64) -> bool {
        let since = usize::try_from(self.generation - generation).unwrap_or(usize::MAX);
        since > self.changed.len() || self.changed.iter().rev().take(since).any(|changed| changed == id)
    }

    /// Keeps a view that was read from `generation` on.
    pub(super) fn put(
        &mut self,
        id: TenantId,
        view: Arc<TenantView>,
        stamp: Stamp,
        generation: u64,
        now: Instant,
    ) {
        self.remove(&id);
        self.clock += 1;
        self.bytes += view.bytes;
        let checked = (!self.has_changed(&id, generation)).then_some(now);
        self.views.insert(id, Entry { view, stamp, checked, read: now, used: self.clock });
        self.evict();
    }

    /// Something of the tenant has changed. Somebody may have got what nobody had.
    pub(super) fn forget(&mut self, id: &TenantId) {
        self.generation += 1;
        if self.changed.len() >= CHANGES {
            self.changed.pop_front();
        }
        self.changed.push_back(id.clone());
        self.remove(id);
        self.accounts.clear();
        self.numbers.retain(|_, owner| matches!(owner, NumberOwner::Tenant(_)));
    }

    /// Something has changed, and nobody knows what: everything has to be looked at again.
    pub(super) fn doubt(&mut self) {
        self.generation += 1;
        self.changed.clear();
        for entry in self.views.values_mut() {
            entry.checked = None;
        }
        self.accounts.clear();
        self.numbers.retain(|_, owner| matches!(owner, NumberOwner::Tenant(_)));
    }

    fn remove(&mut self, id: &TenantId) {
        if let Some(entry) = self.views.remove(id) {
            self.bytes -= entry.view.bytes;
        }
    }

    fn evict(&mut self) {
        while self.views.len() > self.options.tenants || self.bytes > self.options.bytes {
            let mut uses: Vec<u64> = self.views.values().map(|entry| entry.used).collect();
            // The one that was just put stays, however large it is.
            let going = (uses.len() / EVICTED_SHARE).max(1).min(uses.len().saturating_sub(1));
            if going == 0 {
                return;
            }
            let (_, last, _) = uses.select_nth_unstable(going - 1);
            let last = *last;
            let gone: Vec<_> =
                self.views.iter().filter(|(_, entry)| entry.used <= last).map(|(id, _)| id.clone()).collect();
            for id in &gone {
                self.remove(id);
            }
        }
    }

    /// Whose number it was when it was last looked up: `Some(None)` if nobody's.
    pub(super) fn number(&self, e164: &str, now: Instant) -> Option<Option<TenantId>> {
        match self.numbers.get(e164)? {
            NumberOwner::Tenant(tenant) => Some(Some(tenant.clone())),
            NumberOwner::Nobody(then) => self.believes(*then, now).then_some(None),
        }
    }

    pub(super) fn put_number(&mut self, e164: &str, owner: Option<TenantId>, generation: u64, now: Instant) {
        let owner = match owner {
            Some(tenant) => NumberOwner::Tenant(tenant),
            None if generation != self.generation => return,
            None => NumberOwner::Nobody(now),
        };
        let DirectoryOptions { lookups: limit, fresh_for, .. } = self.options;
        make_room(&mut self.numbers, limit, e164, |owner| match owner {
            NumberOwner::Tenant(_) => true,
            NumberOwner::Nobody(then) => now < *then + fresh_for,
        });
        self.numbers.insert(e164.to_owned(), owner);
    }

    /// Who has set the account up, if that was looked up a short time ago.
    pub(super) fn account(&self, sid: &str, now: Instant) -> Option<Vec<TenantId>> {
        let known = self.accounts.get(sid).filter(|(_, then)| self.believes(*then, now));
        known.map(|(owners, _)| owners.clone())
    }

    pub(super) fn put_account(&mut self, sid: &str, owners: Vec<TenantId>, generation: u64, now: Instant) {
        if generation != self.generation {
            return;
        }
        let DirectoryOptions { lookups, fresh_for, .. } = self.options;
        make_room(&mut self.accounts, lookups, sid, |(_, then)| now < *then + fresh_for);
        self.accounts.insert(sid.to_owned(), (owners, now));
    }

    /// Whose view has something, for when the database cannot be asked.
    pub(super) fn owner_among_views(&self, has: impl Fn(&TenantView) -> bool) -> Option<TenantId> {
        self.views.iter().find(|(_, entry)| has(&entry.view)).map(|(id, _)| id.clone())
    }

    /// Numbers and accounts that are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.numbers.len() + self.accounts.len()
    }

    /// Views, and what they take in bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.views.len(), self.bytes)
    }
}

/// Makes room for `key` in a full table: what is over goes, and if nothing is, everything: it can be looked up again.
fn make_room<K, V, Q>(table: &mut HashMap<K, V>, limit: usize, key: &Q, good: impl Fn(&V) -> bool)
where
    K: Eq + Hash + std::borrow::Borrow<Q>,
    Q: Eq + Hash + ?Sized,
{
    if table.len() < limit || table.contains_key(key) {
        return;
    }
    table.retain(|_, value| good(value));
    if table.len() >= limit {
        table.clear();
    }
}

#[cfg(test)]
mod tests;
