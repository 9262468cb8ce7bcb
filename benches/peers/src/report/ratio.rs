//! Ratios of lithify to the best peer of the same window.
//!
//! A ratio above 1 means that lithify is ahead, for costs, too: there it is the cost of the peer by
//! that of lithify. Which peer is the best may differ from window to window.

use crate::contestant::Contestant;
use crate::figure::{Better, Figure, Unit};
use crate::harness::Measurement;
use crate::row::Row;

/// One kind of figure in a row, over all contestants and windows.
pub(super) struct Column {
    /// The row.
    pub(super) row: Row,
    /// The name of the figure.
    pub(super) name: String,
    /// Its unit.
    pub(super) unit: Unit,
    /// How it is compared.
    pub(super) better: Better,
    values: Vec<Value>,
}

/// What one contestant has reached in one window.
struct Value {
    window: u64,
    contestant: Contestant,
    number: f64,
    /// A figure that is compared elsewhere can be left out of it for one measurement.
    is_compared: bool,
}

/// The middle of some numbers, the lowest and the highest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) lowest: f64,
    pub(super) highest: f64,
}

impl Spread {
    /// Of `numbers`; `None` when there are none.
    pub(super) fn of(mut numbers: Vec<f64>) -> Option<Self> {
        numbers.sort_by(f64::total_cmp);
        let (lowest, highest) = (*numbers.first()?, *numbers.last()?);
        let middle = numbers.len() / 2;
        let median = if numbers.len() % 2 == 1 {
            numbers[middle]
        } else {
            f64::midpoint(numbers[middle - 1], numbers[middle])
        };
        Some(Self {
            median,
            lowest,
            highest,
        })
    }
}

/// All columns, rows in their order and figures as the workload lists them.
pub(super) fn columns(measurements: &[Measurement]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for measurement in measurements {
        for Figure {
            name,
            unit,
            better,
            value,
        } in &measurement.figures
        {
            let position = columns
                .iter()
                .position(|column| column.row == measurement.row && column.name == *name);
            let position = position.unwrap_or_else(|| {
                columns.push(Column {
                    row: measurement.row,
                    name: name.clone(),
                    unit: *unit,
                    better: *better,
                    values: Vec::new(),
                });
                columns.len() - 1
            });
            let is_compared = *better != Better::Neither;
            if is_compared {
                columns[position].better = *better;
            }
            let value = Value {
                window: measurement.window,
                contestant: measurement.contestant.clone(),
                number: *value,
                is_compared,
            };
            columns[position].values.push(value);
        }
    }
    columns.sort_by_key(|column| column.row);
    columns
}

impl Column {
    /// Everyone who played, in a fixed order, lithify first.
    pub(super) fn contestants(&self) -> Vec<Contestant> {
        let all = self.values.iter().map(|value| value.contestant.clone());
        in_order(all.collect())
    }

    /// The numbers of `contestant` over all windows.
    pub(super) fn spread(&self, contestant: &Contestant) -> Option<Spread> {
        self.spread_where(|value| value.contestant == *contestant)
    }

    /// The same, over the windows in which they are compared.
    pub(super) fn compared(&self, contestant: &Contestant) -> Option<Spread> {
        self.spread_where(|value| value.contestant == *contestant && value.is_compared)
    }

    fn spread_where(&self, is_wanted: impl Fn(&Value) -> bool) -> Option<Spread> {
        let wanted = self.values.iter().filter(|value| is_wanted(value));
        Spread::of(wanted.map(|value| value.number).collect())
    }

    /// The peer whose median is the best.
    pub(super) fn best_peer(&self) -> Option<(Contestant, Spread)> {
        let peers = self
            .contestants()
            .into_iter()
            .filter(|contestant| !contestant.is_lithify());
        peers
            .filter_map(|peer| self.compared(&peer).map(|spread| (peer, spread)))
            .reduce(|best, other| {
                if self.is_better(other.1.median, best.1.median) {
                    other
                } else {
                    best
                }
            })
    }

    /// How far `contestant` is ahead of the best peer of each window.
    pub(super) fn ahead(&self, contestant: &Contestant) -> Option<Spread> {
        let own = self
            .values
            .iter()
            .filter(|value| value.contestant == *contestant && value.is_compared);
        let ratios = own.filter_map(|own| {
            let best = self.best_of_peers(own.window)?;
            match self.better {
                Better::Higher => Some(own.number / best),
                Better::Lower => Some(best / own.number),
                Better::Neither => None,
            }
        });
        Spread::of(ratios.collect())
    }

    fn best_of_peers(&self, window: u64) -> Option<f64> {
        self.values
            .iter()
            .filter(|value| {
                value.window == window && value.is_compared && !value.contestant.is_lithify()
            })
            .map(|value| value.number)
            .reduce(|best, other| {
                if self.is_better(other, best) {
                    other
                } else {
                    best
                }
            })
    }

    fn is_better(&self, one: f64, other: f64) -> bool {
        match self.better {
            Better::Higher | Better::Neither => one > other,
            Better::Lower => one < other,
        }
    }
}

/// Each contestant once, lithify first.
pub(super) fn in_order(mut contestants: Vec<Contestant>) -> Vec<Contestant> {
    contestants.sort_by_key(|contestant| (!contestant.is_lithify(), contestant.clone()));
    contestants.dedup();
    contestants
}

#[cfg(test)]
mod tests {
    use super::{Spread, columns};
    use crate::contestant::{Contestant, Variant};
    use crate::figure::{Figure, Unit};
    use crate::harness::Measurement;
    use crate::row::Row;

    /// Rates and costs of lithify and two peers in three windows. The machine is twice as fast in
    /// the second one, and another peer is the best in the third.
    fn measurements() -> Vec<Measurement> {
        let played = [
            (0, "lithify", 300.0, 2.0),
            (0, "one", 100.0, 1.0),
            (0, "two", 50.0, 8.0),
            (1, "lithify", 600.0, 2.0),
            (1, "one", 200.0, 1.0),
            (1, "two", 100.0, 8.0),
            (2, "lithify", 300.0, 2.0),
            (2, "one", 100.0, 16.0),
            (2, "two", 150.0, 8.0),
        ];
        let of = |(window, engine, rate, cost): (u64, &str, f64, f64)| Measurement {
            window,
            row: Row::Ingest,
            contestant: Contestant {
                engine: engine.to_owned(),
                variant: Variant::Default,
            },
            figures: vec![
                Figure {
                    value: rate,
                    ..Figure::rate("entries", 0, 1.0)
                },
                Figure::cost("memory", Unit::Megabytes, cost),
            ],
        };
        played.map(of).to_vec()
    }

    #[test]
    fn a_ratio_is_taken_inside_a_window_and_above_one_means_ahead() {
        let columns = columns(&measurements());
        let lithify = &columns[0].contestants()[0];
        let spread = |median, lowest, highest| {
            Some(Spread {
                median,
                lowest,
                highest,
            })
        };
        assert_eq!(columns[0].ahead(lithify), spread(3.0, 2.0, 3.0));
        assert_eq!(columns[1].ahead(lithify), spread(0.5, 0.5, 4.0));
        let best = |column: usize| {
            columns[column]
                .best_peer()
                .expect("two peers have played")
                .0
        };
        assert_eq!(
            (best(0).engine, best(1).engine),
            ("one".to_owned(), "one".to_owned())
        );
    }

    #[test]
    fn a_number_that_is_not_compared_is_shown_and_takes_no_part() {
        let mut measurements = measurements();
        // "one" of the first window, which was the best there.
        let left_out = &mut measurements[1].figures[0];
        *left_out = left_out.clone().not_compared();
        let columns = columns(&measurements);
        let [lithify, one, _] = &columns[0].contestants()[..] else {
            panic!("three have played");
        };
        let ahead = columns[0]
            .ahead(lithify)
            .expect("all three windows have a ratio");
        assert_eq!((ahead.median, ahead.lowest, ahead.highest), (3.0, 2.0, 6.0));
        let median = |spread: Option<Spread>| spread.expect("it has played").median;
        assert_eq!(
            (
                median(columns[0].spread(one)),
                median(columns[0].compared(one))
            ),
            (100.0, 150.0)
        );
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let spread = Spread::of(vec![4.0, 1.0, 2.0, 3.0]).expect("there are numbers");
        assert_eq!(
            (spread.median, spread.lowest, spread.highest),
            (2.5, 1.0, 4.0)
        );
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
