//! One look-up per byte in a flat table.

use regex_automata::Anchored;
use regex_automata::dfa::{Automaton, dense};
use regex_automata::util::start;
use std::collections::HashMap;

/// Up to 256 states, a byte each: 256 transitions a state, indexed by state and byte. The usual
/// pattern has a dozen states, so its table stays in the first-level cache. State 0 is the start.
/// The table is always whole, so that no index can be outside and none is checked.
#[derive(Debug)]
pub struct FlatAutomaton {
    transitions: Box<[[u8; 256]; 256]>,
    accepting: [bool; 256],
}

impl FlatAutomaton {
    /// `None` when there are more states, or bytes that the automaton gives up on.
    pub fn new(table: &dense::DFA<Vec<u32>>) -> Option<Self> {
        let first = table.start_state(&start::Config::new().anchored(Anchored::Yes)).ok()?;
        let mut states = vec![first];
        let mut ids = HashMap::from([(first, 0u8)]);
        let mut transitions: Box<[[u8; 256]; 256]> = vec![[0; 256]; 256].into_boxed_slice().try_into().ok()?;
        let mut accepting = [false; 256];
        let mut at = 0;
        while let Some(state) = states.get(at).copied() {
            if table.is_quit_state(state) {
                return None;
            }
            for byte in 0..=u8::MAX {
                let next = table.next_state(state, byte);
                transitions[at][usize::from(byte)] = match ids.get(&next) {
                    Some(id) => *id,
                    None => {
                        let id = u8::try_from(states.len()).ok()?;
                        states.push(next);
                        ids.insert(next, id);
                        id
                    }
                };
            }
            accepting[at] = table.is_match_state(table.next_eoi_state(state));
            at += 1;
        }
        Some(Self { transitions, accepting })
    }

    #[inline]
    fn after(&self, state: u8, text: &[u8]) -> u8 {
        text.iter().fold(state, |state, byte| self.transitions[usize::from(state)][usize::from(*byte)])
    }

    /// Whether all of a text matches.
    #[inline]
    pub fn accepts(&self, text: &[u8]) -> bool {
        self.accepting[usize::from(self.after(0, text))]
    }

    /// Whether all of each text matches. Each look-up waits for the one before; four texts wait side by
    /// side.
    #[inline]
    pub fn accept(&self, texts: [&[u8]; 4]) -> [bool; 4] {
        let shortest = texts.iter().map(|text| text.len()).min().unwrap_or(0);
        let [a, b, c, d] = texts.map(|text| text.split_at(shortest));
        let mut states = [0u8; 4];
        for (((a, b), c), d) in a.0.iter().zip(b.0).zip(c.0).zip(d.0) {
            for (state, byte) in states.iter_mut().zip([a, b, c, d]) {
                *state = self.transitions[usize::from(*state)][usize::from(*byte)];
            }
        }
        let ends = [a.1, b.1, c.1, d.1];
        std::array::from_fn(|lane| self.accepting[usize::from(self.after(states[lane], ends[lane]))])
    }
}
