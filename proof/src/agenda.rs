//! What will happen, in order of true time; what was put there first comes first.

/// How many bits of an entry name the place; the rest is the order. A world has far fewer messages under way.
const PLACE_BITS: u32 = 24;

/// The order is kept apart from what happens, which is large and would be moved about. It is a sorted list and not a
/// heap, because little is under way at a time and the next thing is what is asked for most.
pub struct Agenda<T> {
    /// The latest first.
    order: Vec<(u64, u64)>,
    places: Vec<T>,
    free: Vec<u64>,
    added: u64,
}

impl<T: Copy> Agenda<T> {
    /// Nothing will happen.
    #[must_use]
    pub fn new() -> Self {
        Self { order: Vec::new(), places: Vec::new(), free: Vec::new(), added: 0 }
    }

    /// This will happen then.
    pub fn add(&mut self, at_ns: u64, happening: T) {
        let place = self.free.pop().unwrap_or(self.places.len() as u64);
        match usize::try_from(place).ok().and_then(|index| self.places.get_mut(index)) {
            Some(occupied) => *occupied = happening,
            None => self.places.push(happening),
        }
        self.added += 1;
        let entry = (at_ns, (self.added << PLACE_BITS) | place);
        let later = self.order.partition_point(|&other| other > entry);
        self.order.insert(later, entry);
    }

    /// When the next thing happens; the end of time if nothing does.
    #[must_use]
    pub fn next_ns(&self) -> u64 {
        self.order.last().map_or(u64::MAX, |&(at_ns, _)| at_ns)
    }

    /// The next thing that happens.
    pub fn take(&mut self) -> Option<T> {
        let (_, entry) = self.order.pop()?;
        let place = entry & ((1 << PLACE_BITS) - 1);
        self.free.push(place);
        self.places.get(usize::try_from(place).ok()?).copied()
    }
}

impl<T: Copy> Default for Agenda<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_happen_in_order_of_time_and_then_of_adding() {
        let mut agenda = Agenda::new();
        for (at, what) in [(5, 'd'), (1, 'a'), (3, 'b'), (3, 'c')] {
            agenda.add(at, what);
        }
        assert_eq!(agenda.next_ns(), 1);
        let order: String = std::iter::from_fn(|| agenda.take()).collect();
        assert_eq!((order.as_str(), agenda.next_ns()), ("abcd", u64::MAX));
    }
}
