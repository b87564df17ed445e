//! What is made of what several observers say of a service: nobody is called down by one word.
//!
//! There are three voices. ZooKeeper speaks by the znode, the host by its unit, and the Managers that ask the service
//! itself are one voice together, because they ask the same thing. Two of them have to agree before a service is down.

use super::super::model::{Evidence, Judgement, Observer, Says, Verdict};

/// What a voice says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    There,
    NotThere,
    Nothing,
    /// Some Managers reach it and some do not.
    Split,
}

/// The verdict, and the sentence that says why.
pub fn verdict(evidence: &[Evidence]) -> Judgement {
    let (verdict, because) = weighed(evidence);
    Judgement { verdict, because, evidence: evidence.to_vec() }
}

fn weighed(evidence: &[Evidence]) -> (Verdict, String) {
    let znode = one(evidence, Observer::Znode);
    let unit = one(evidence, Observer::Unit);
    let probes = asked(evidence, unit);
    let voices = [znode, unit, probes];
    let count = |what: Voice| voices.iter().filter(|voice| **voice == what).count();
    let (there, not_there) = (count(Voice::There), count(Voice::NotThere));
    let against = || told(evidence, Says::NotThere);
    match (there, not_there) {
        _ if probes == Voice::Split => {
            let detail = format!("Not every Manager reaches it: {}.", against());
            (Verdict::Degraded, detail)
        }
        (0, 0) => (Verdict::Unknown, nobody(evidence)),
        (_, 0) => (Verdict::Up, format!("It is there: {}.", told(evidence, Says::There))),
        (0, 1) => {
            let detail = format!("One observer alone says that it is not there: {}.", against());
            (Verdict::Unknown, format!("{detail}{}", second(evidence)))
        }
        (0, _) => (Verdict::Down, format!("It is not there: {}.", against())),
        // A session of ZooKeeper outlives its process for as long as it was asked to; a host knows when one ended.
        (1, 2) if znode == Voice::There => {
            let detail = format!("It is not there: {}. Its znode has not gone yet.", against());
            (Verdict::Down, detail)
        }
        (_, _) => {
            let (there, against) = (told(evidence, Says::There), against());
            (Verdict::Degraded, format!("The observers disagree: {there}; but {against}."))
        }
    }
}

fn one(evidence: &[Evidence], observer: Observer) -> Voice {
    match evidence.iter().find(|seen| seen.observer == observer).map(|seen| seen.says) {
        Some(Says::There) => Voice::There,
        Some(Says::NotThere) => Voice::NotThere,
        Some(Says::Nothing) | None => Voice::Nothing,
    }
}

/// What the Managers say together. One that gets no answer may be cut off itself: alone it counts only beside the word of
/// the service's own host.
fn asked(evidence: &[Evidence], unit: Voice) -> Voice {
    let probes = evidence.iter().filter(|seen| matches!(seen.observer, Observer::Probe(_)));
    let says: Vec<_> = probes.map(|seen| seen.says).collect();
    let count = |what: Says| says.iter().filter(|says| **says == what).count();
    match (count(Says::There), count(Says::NotThere)) {
        (0, 0) => Voice::Nothing,
        (_, 0) => Voice::There,
        (0, 1) if unit != Voice::NotThere => Voice::Nothing,
        (0, _) => Voice::NotThere,
        (_, _) => Voice::Split,
    }
}

/// Where there can be no second voice, how to get one.
fn second(evidence: &[Evidence]) -> &'static str {
    match evidence.iter().all(|seen| seen.observer == Observer::Unit) {
        true => {
            " Nobody else is asked: it has no znode that was seen, and no port that is known. Set the port of its type: km services types set."
        }
        false => "",
    }
}

/// What those said who say so. What several Managers said word for word is told once.
fn told(evidence: &[Evidence], says: Says) -> String {
    let mut told: Vec<(&str, usize)> = Vec::new();
    for seen in evidence.iter().filter(|seen| seen.says == says) {
        match told.iter_mut().find(|(because, _)| *because == seen.because) {
            Some((_, times)) => *times += 1,
            None => told.push((&seen.because, 1)),
        }
    }
    let each = told.into_iter().map(|(because, times)| match times {
        1 => because.to_owned(),
        _ => format!("{because} (seen by {times} Managers)"),
    });
    each.collect::<Vec<_>>().join("; ")
}

fn nobody(evidence: &[Evidence]) -> String {
    let mut told: Vec<_> = evidence.iter().map(|seen| seen.because.as_str()).collect();
    told.dedup();
    match told.is_empty() {
        true => "Nobody has looked.".to_owned(),
        false => format!("Nobody can say: {}.", told.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::{ManagerId, Timestamp};

    fn seen(observer: Observer, says: Says) -> Evidence {
        Evidence { observer, says, because: format!("{observer:?}"), at: Timestamp(1) }
    }

    /// `+` there, `-` not there, `?` nothing: the znode, the unit, and a probe of each of so many Managers.
    fn said(words: &str) -> Vec<Evidence> {
        let observers = [Observer::Znode, Observer::Unit]
            .into_iter()
            .chain((1..).map(|id| Observer::Probe(ManagerId(id))));
        let says = |letter| match letter {
            '+' => Says::There,
            '-' => Says::NotThere,
            _ => Says::Nothing,
        };
        observers.zip(words.chars()).map(|(who, letter)| seen(who, says(letter))).collect()
    }

    fn judged(words: &str) -> Verdict {
        verdict(&said(words)).verdict
    }

    #[test]
    fn independent_observers_have_to_agree_before_a_service_is_down() {
        for (words, expected) in [
            ("++++", Verdict::Up),
            ("?+??", Verdict::Up),
            ("+???", Verdict::Up),
            ("??++", Verdict::Up),
            // One word alone, whosever it is.
            ("-???", Verdict::Unknown),
            ("?-??", Verdict::Unknown),
            ("??--", Verdict::Unknown),
            // ZooKeeper is away and the host is silent: two Managers that get no answer are one voice.
            ("??-?", Verdict::Unknown),
            ("-?-?", Verdict::Unknown),
            ("--??", Verdict::Down),
            ("-?--", Verdict::Down),
            ("?---", Verdict::Down),
            ("?--?", Verdict::Down),
            ("?-- ", Verdict::Down),
            ("----", Verdict::Down),
            // The session outlives the process.
            ("+---", Verdict::Down),
            ("+--?", Verdict::Down),
            ("+-??", Verdict::Degraded),
            // It hangs: the process is there and serves nobody.
            ("-+--", Verdict::Degraded),
            ("?+--", Verdict::Degraded),
            // It runs, but not as its unit.
            ("?-++", Verdict::Degraded),
            ("--++", Verdict::Degraded),
            // A network is cut between two hosts.
            ("++-+", Verdict::Degraded),
            ("?+-?", Verdict::Up),
            ("????", Verdict::Unknown),
            ("", Verdict::Unknown),
        ] {
            assert_eq!(judged(words), expected, "{words}: {}", verdict(&said(words)).because);
        }
    }

    #[test]
    fn a_verdict_says_why() {
        let told = verdict(&said("+---")).because;
        let probe = |id| format!("{:?}", Observer::Probe(ManagerId(id)));
        let against = ["Unit".to_owned(), probe(1), probe(2)].join("; ");
        assert_eq!(told, format!("It is not there: {against}. Its znode has not gone yet."));
        assert!(verdict(&[]).because.starts_with("Nobody has looked"));
    }

    #[test]
    fn what_several_managers_said_word_for_word_is_told_once() {
        let mut said = said("--- ");
        said.push(Evidence { observer: Observer::Probe(ManagerId(3)), ..said[2].clone() });
        let because = verdict(&said).because;
        assert!(
            because.ends_with(&format!("{} (seen by 2 Managers).", said[2].because)),
            "{because}"
        );
    }

    proptest! {
        #[test]
        fn nobody_is_called_down_by_one_voice_or_against_its_host(words in "[-+?]{0,5}") {
            let at = |place: usize| words.as_bytes().get(place).copied();
            let probes = words.get(2..).unwrap_or_default();
            let voices = [at(0) == Some(b'-'), at(1) == Some(b'-'), probes.contains('-')];
            if judged(&words) == Verdict::Down {
                prop_assert!(voices.iter().filter(|voice| **voice).count() >= 2);
                prop_assert!(at(1) != Some(b'+') && !probes.contains('+'));
            }
        }

        #[test]
        fn who_says_nothing_changes_nothing(words in "[-+?]{2,4}") {
            prop_assert_eq!(judged(&words), judged(&format!("{words}?")));
        }
    }
}
