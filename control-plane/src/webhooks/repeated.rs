//! Answers that were given, for a carrier that asks again because it did not get them.

use crate::twiml::Twiml;
use std::collections::{HashMap, VecDeque};

/// The last answers, the oldest forgotten first.
pub(crate) struct RepeatedAnswers {
    answers: HashMap<String, Twiml>,
    order: VecDeque<String>,
    limit: usize,
}

impl RepeatedAnswers {
    pub(crate) fn new(limit: usize) -> Self {
        Self { answers: HashMap::new(), order: VecDeque::new(), limit }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Twiml> {
        self.answers.get(key).cloned()
    }

    pub(crate) fn put(&mut self, key: String, answer: Twiml) {
        if self.answers.insert(key.clone(), answer).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > self.limit {
            if let Some(oldest) = self.order.pop_front() {
                self.answers.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_answers_are_forgotten() {
        let mut answers = RepeatedAnswers::new(2);
        for key in ["a", "b", "b", "c"] {
            answers.put(key.to_owned(), Twiml(key.to_owned()));
        }
        assert_eq!(answers.get("a"), None);
        assert_eq!(answers.get("b"), Some(Twiml("b".to_owned())));
        assert_eq!(answers.get("c"), Some(Twiml("c".to_owned())));
        assert_eq!((answers.answers.len(), answers.order.len()), (2, 2));
    }
}
