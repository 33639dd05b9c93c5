//! The eight steps: what is done, what the protocol promises (docs/protocol.md), and whether that was seen.
//!
//! Each step takes the leadership it begins with and answers with the one it ends with. That there is never more than
//! one leader, and that terms grow, is judged all the time by [`super::stage::Stage`].

use std::time::Duration;

use super::book::Reign;
use super::company::{NAMES, Stop, VOTERS};
use super::page::Row;
use super::stage::Stage;
use super::times::{now, precise, shown};
use crate::local::Memory;

/// A step, for the table at the end.
type Told = (Reign, Row);

const V1: usize = 0;
const V2: usize = 1;
const V3: usize = 2;
const V4: usize = 3;
const V5: usize = 4;

/// Plays all steps. The rows of those that were completed are there however it ends.
pub(super) fn play(stage: &mut Stage, rows: &mut Vec<Row>) -> Result<(), Stop> {
    let steps = [
        hand_over,
        crash,
        two_voters_down,
        third_voter_down,
        voters_back,
        voter_forgets,
        one_dead_one_forgetful,
    ];
    let (mut reign, row) = elect(stage)?;
    rows.push(row);
    for step in steps {
        let (next, row) = step(stage, reign)?;
        rows.push(row);
        reign = next;
    }
    Ok(())
}

fn elect(stage: &mut Stage) -> Result<Told, Stop> {
    let times = stage.times;
    let lesson = format!(
        "The voters are new, and a voter that remembers nothing may not vote: it might have forgotten a leader. So the \
         candidates watch for O = {}, after which any former leader has stopped; then the voters are members, and one \
         candidate is granted the lease by a majority of them.",
        precise(times.watch)
    );
    stage.page.step(1, "An election", &lesson)?;
    let begun = now();
    for candidate in 0..NAMES.len() {
        stage.enter(candidate)?;
    }
    stage.all_ready()?;
    let ready = now();
    let reign = stage.next_leader(0, times.election_limit)?;
    let earliest = begun + times.watch;
    if reign.begun < earliest {
        let early = shown(earliest.saturating_sub(reign.begun));
        return broken(format!("a leader {early} before forgetful voters may be joined"));
    }
    let took = reign.begun.saturating_sub(begun);
    stage.page.good(&format!(
        "{} leads {} after the first candidate was started. Its term is {}: terms begin at the Unix time in \
         milliseconds and only grow, so that a database can refuse whoever comes with an older one.",
        name(reign),
        shown(took),
        reign.term
    ))?;
    let limit = times.election_limit + ready.saturating_sub(begun);
    Ok((reign, Row::within("election over new voters", limit, took)))
}

fn hand_over(stage: &mut Stage, old: Reign) -> Result<Told, Stop> {
    let times = stage.times;
    let lesson = "A leader that is asked to end first stops its work, then gives the lease back and says so. Nobody \
                  has to wait until anything runs out.";
    stage.page.step(2, &format!("A clean hand-over: SIGTERM to {}", name(old)), lesson)?;
    calm(stage, old)?;
    let asked = stage.ask_to_end(old.candidate)?;
    let new = stage.next_leader(old.term, times.hand_over_limit)?;
    let status = stage.exit_of(old.candidate)?;
    if !status.success() {
        return broken(format!("{} was asked to end and ended with: {status}", name(old)));
    }
    let took = new.begun.saturating_sub(asked);
    stage.page.good(&format!(
        "{} leads {} after the signal, term {}. {} ended with code 0; it is started again, as a standby.",
        name(new),
        shown(took),
        new.term,
        name(old)
    ))?;
    again(stage, old)?;
    Ok((new, Row::within("clean hand-over (SIGTERM)", times.hand_over_limit, took)))
}

fn crash(stage: &mut Stage, old: Reign) -> Result<Told, Stop> {
    let times = stage.times;
    let lesson = format!(
        "The dead give nothing back. The others must watch their records stand still for O = {}; the dead one may have \
         relied on its last renewal for D = {} only. O is longer than D: a gap, never an overlap.",
        precise(times.watch),
        precise(times.validity)
    );
    stage.page.step(3, &format!("A crash: SIGKILL to {}", name(old)), &lesson)?;
    calm(stage, old)?;
    let killed = stage.crash(old.candidate);
    let (old, _) = stage.book().again(old);
    // It answered "valid for so long" when it relied on this renewal; it may have sent another one since.
    let renewed = old.until.saturating_sub(times.validity);
    let limit = (times.election_limit + times.renew).saturating_sub(now().saturating_sub(renewed));
    let new = stage.next_leader(old.term, limit)?;
    let after_renewal = new.begun.saturating_sub(renewed);
    if after_renewal < times.watch {
        let early = shown(times.watch.saturating_sub(after_renewal));
        return broken(format!("{} took the lease {early} before it may be taken", name(new)));
    }
    let took = new.begun.saturating_sub(killed);
    stage.page.good(&format!(
        "{} leads {} after the crash, term {}: {} after the last renewal that was seen, and nobody may take the lease \
         before {}. {} is started again.",
        name(new),
        shown(took),
        new.term,
        precise(after_renewal),
        precise(times.watch),
        name(old)
    ))?;
    again(stage, old)?;
    let promised = format!("{} to {}", precise(times.watch), shown(times.election_limit + times.renew));
    Ok((new, Row { what: "crash (SIGKILL), since last renewal", promised, seen: precise(after_renewal) }))
}

fn two_voters_down(stage: &mut Stage, reign: Reign) -> Result<Told, Stop> {
    let lesson = "Three are still a majority, and a leader waits for no others: renewals count as soon as three voters \
                  have answered.";
    stage.page.step(4, "Two of the five voters down: SIGKILL to v1 and v2", lesson)?;
    stage.company.voters[V1].kill();
    stage.company.voters[V2].kill();
    let hold = stage.times.hold;
    let (yes, all) = stays(stage, reign)?;
    stage.page.good(&format!(
        "For {}, longer than any lease that the five had granted, {} went on leading term {}: \"I lead\" in {yes} of \
         {all} answers.",
        shown(hold),
        name(reign),
        reign.term
    ))?;
    Ok((reign, same_leader("two of five voters down")))
}

fn third_voter_down(stage: &mut Stage, reign: Reign) -> Result<Told, Stop> {
    let times = stage.times;
    let lesson = "With two of five a leader cannot know whether the other three have elected somebody else, so it must \
                  stop, by itself and in time. v3 is frozen: its connections stay open and nothing is answered, the \
                  worst way to fail.";
    stage.page.step(5, "The third voter down: SIGSTOP to v3. Nobody may lead", lesson)?;
    stage.company.voters[V3].stop()?;
    let frozen = now();
    let is_over = |stage: &mut Stage| (!stage.book().again(reign).1).then_some(());
    stage.until(&format!("{} stops", name(reign)), times.validity + times.head_start, is_over)?;
    let (reign, _) = stage.book().again(reign);
    let (asked, answered) = reign.last_yes;
    // No renewal that was sent after the third voter froze can have counted.
    if reign.until > frozen + times.validity || asked > reign.until {
        return broken(format!("{} said \"I lead\" when its validity had ended", name(reign)));
    }
    let margin = reign.until.saturating_sub(answered);
    stage.page.good(&format!(
        "{} said \"I lead\" for the last time {} after v3 froze, and {} before its lease could be taken: that is what \
         its work gets to stop.",
        name(reign),
        shown(answered.saturating_sub(frozen)),
        shown(margin)
    ))?;
    let before = stage.book().total();
    stage.hold("nobody leads", times.watch, |book| match book.leader() {
        None => Ok(()),
        Some(reign) => Err(format!("{} leads with two voters of five", name(reign))),
    })?;
    let answers = stage.book().total() - before;
    stage.page.good(&format!("Nobody leads: {answers} answers in the {} after that.", shown(times.watch)))?;
    let seen = format!("{} early", shown(margin));
    let promised = "stops in time".to_owned();
    Ok((reign, Row { what: "three of five voters down", promised, seen }))
}

fn voters_back(stage: &mut Stage, old: Reign) -> Result<Told, Stop> {
    let times = stage.times;
    let lesson = "v3 goes on where it stood, v1 and v2 are restarted empty. Three that remember are a majority: they \
                  elect a leader, and the leader lets the forgetful two vote again.";
    stage.page.step(6, "The voters come back", lesson)?;
    stage.company.voters[V3].resume()?;
    let back = now();
    stage.company.voters[V1].restart(Memory::Empty)?;
    stage.company.voters[V2].restart(Memory::Empty)?;
    let new = stage.next_leader(old.term, times.election_limit)?;
    let took = new.begun.saturating_sub(back);
    stage.page.good(&format!(
        "{} leads {} after v3 answers again, term {}.",
        name(new),
        shown(took),
        new.term
    ))?;
    let joined = stage.until("v1 and v2 vote again", times.election_limit, |stage| {
        [V1, V2].iter().all(|voter| stage.is_member_of(*voter, new.term)).then(now)
    })?;
    stage
        .page
        .good(&format!("v1 and v2 vote again {} after that.", shown(joined.saturating_sub(new.begun))))?;
    Ok((new, Row::within("voters back: a leader again", times.election_limit, took)))
}

fn voter_forgets(stage: &mut Stage, reign: Reign) -> Result<Told, Stop> {
    let lesson = format!(
        "v4 held the lease and has now forgotten it: to plain Redlock it is a free vote for anybody. Here it may not \
         vote until the leader, which has just proved its majority, takes it back: within two renewals, {}.",
        shown(stage.times.rejoin_limit)
    );
    stage.page.step(7, "A voter restarted empty: v4", &lesson)?;
    let took = rejoins(stage, reign, V4)?;
    stays_now(stage, reign)?;
    stage.page.good(&format!(
        "v4 votes for {} again {} after it was up. Same leader, same term {}.",
        name(reign),
        shown(took),
        reign.term
    ))?;
    Ok((reign, Row::within("voter restarted empty: re-joined", stage.times.rejoin_limit, took)))
}

fn one_dead_one_forgetful(stage: &mut Stage, reign: Reign) -> Result<Told, Stop> {
    let lesson = "Three remember: exactly a majority, and all the leader needs to keep its lease and to take the \
                  forgetful one back.";
    stage.page.step(8, "One voter dead and another one empty: v1 killed, v5 restarted", lesson)?;
    stage.company.voters[V1].kill();
    let took = rejoins(stage, reign, V5)?;
    stage.page.good(&format!("v5 votes for {} again {} after it was up.", name(reign), shown(took)))?;
    let hold = stage.times.hold;
    let (yes, all) = stays(stage, reign)?;
    stage.page.good(&format!(
        "For {} more {} went on leading term {}: \"I lead\" in {yes} of {all} answers.",
        shown(hold),
        name(reign),
        reign.term
    ))?;
    Ok((reign, same_leader("one dead, one restarted empty")))
}

/// A voter is restarted empty and must be back, with the lease, within two renewals.
fn rejoins(stage: &mut Stage, reign: Reign, voter: usize) -> Result<Duration, Stop> {
    stage.company.voters[voter].restart(Memory::Empty)?;
    let up = now();
    let what = format!("{} votes again", VOTERS[voter]);
    let limit = stage.times.rejoin_limit;
    let back = stage.until(&what, limit, |stage| stage.is_member_of(voter, reign.term).then(now))?;
    Ok(back.saturating_sub(up))
}

/// The same leadership goes on for the time of [`super::times::Times::hold`]; how many of its answers said so.
fn stays(stage: &mut Stage, reign: Reign) -> Result<(u64, u64), Stop> {
    let counts = |stage: &Stage| {
        let book = stage.book();
        (book.again(reign).0.yes, book.answers[reign.candidate])
    };
    let (yes, all) = counts(stage);
    goes_on(stage, reign, stage.times.hold)?;
    let (yes_then, all_then) = counts(stage);
    Ok((yes_then - yes, all_then - all))
}

fn calm(stage: &mut Stage, reign: Reign) -> Result<(), Stop> {
    goes_on(stage, reign, stage.times.calm)
}

fn goes_on(stage: &mut Stage, reign: Reign, duration: Duration) -> Result<(), Stop> {
    let what = format!("{} leads and renews", name(reign));
    stage.hold(&what, duration, |book| match (book.again(reign).1, book.leader()) {
        (true, None) => Ok(()),
        (true, Some(leader)) if leader.term == reign.term => Ok(()),
        (_, leader) => Err(changed(reign, leader)),
    })
}

fn stays_now(stage: &Stage, reign: Reign) -> Result<(), Stop> {
    let leader = stage.book().leader();
    match leader {
        Some(leader) if leader.term == reign.term => Ok(()),
        leader => broken(changed(reign, leader)),
    }
}

fn changed(reign: Reign, leader: Option<Reign>) -> String {
    let now = leader.map_or_else(
        || "nobody leads".to_owned(),
        |leader| format!("{} leads term {}", name(leader), leader.term),
    );
    format!("{} had to go on leading term {}, but {now}", name(reign), reign.term)
}

fn same_leader(what: &'static str) -> Row {
    Row { what, promised: "same leader, same term".to_owned(), seen: "same".to_owned() }
}

fn again(stage: &mut Stage, reign: Reign) -> Result<(), Stop> {
    stage.enter(reign.candidate)?;
    stage.all_ready()
}

fn broken<T>(sentence: String) -> Result<T, Stop> {
    Err(Stop::Broken(sentence))
}

fn name(reign: Reign) -> &'static str {
    NAMES[reign.candidate]
}
