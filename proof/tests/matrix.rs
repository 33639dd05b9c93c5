//! Each fault alone, on plain Redlock and on Quorate, and that docs/safety.md tells what comes out.

#![expect(clippy::panic, reason = "a test may end by a panic")]

use quorate_proof::counted::Reached;
use quorate_proof::documented;
use quorate_proof::matrix::{cells, troubles};
use quorate_proof::oracles::Promise;

/// Of each kind; docs/safety.md has more.
const WORLDS: u64 = 40;

#[test]
fn redlock_breaks_where_docs_safety_says_and_quorate_keeps_every_promise() {
    let rows = documented::rows("matrix");
    for (trouble, words) in troubles() {
        let row = rows.iter().find(|row| row[0] == words);
        let row =
            row.unwrap_or_else(|| panic!("docs/safety.md has no row {words:?}: make matrix prints one"));
        let number =
            |cell: usize| row[cell].replace(' ', "").parse::<u64>().unwrap_or_else(|_| panic!("{row:?}"));
        let [redlock, quorate] = cells(trouble, WORLDS);
        let often = number(1) >= 100;
        assert!(
            !often || redlock.broken(Promise::Exclusion) > 0,
            "{words}: Redlock had one leader at a time"
        );
        assert!(number(1) > 0 || redlock.broken(Promise::Exclusion) == 0, "{words}: Redlock had two leaders");
        let broken: Vec<_> = quorate.all_broken().collect();
        assert!(broken.is_empty(), "{words}: {broken:?}");
        assert!(quorate.counted.count(Reached::Elected) > 0, "{words}: nobody was ever elected");
        assert_eq!((number(3), number(4)), (0, 0), "docs/safety.md, {words}");
    }
    assert_eq!(rows.len(), troubles().len(), "each kind of trouble once");
}
