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
    /// Window, contestant and number.
    values: Vec<(u64, Contestant, f64)>,
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
            let value = (measurement.window, measurement.contestant.clone(), *value);
            columns[position].values.push(value);
        }
    }
    columns.sort_by_key(|column| column.row);
    columns
}

impl Column {
    /// Everyone who played, in a fixed order, lithify first.
    pub(super) fn contestants(&self) -> Vec<Contestant> {
        let mut contestants: Vec<_> = self
            .values
            .iter()
            .map(|(_, contestant, _)| contestant.clone())
            .collect();
        contestants.sort_by_key(|contestant| (!contestant.is_lithify(), contestant.clone()));
        contestants.dedup();
        contestants
    }

    /// The numbers of `contestant` over all windows.
    pub(super) fn spread(&self, contestant: &Contestant) -> Option<Spread> {
        let of_contestant = self.values.iter().filter(|(_, who, _)| who == contestant);
        Spread::of(of_contestant.map(|(_, _, value)| *value).collect())
    }

    /// The peer whose median is the best.
    pub(super) fn best_peer(&self) -> Option<(Contestant, Spread)> {
        self.contestants()
            .into_iter()
            .filter(|contestant| !contestant.is_lithify())
            .filter_map(|peer| self.spread(&peer).map(|spread| (peer, spread)))
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
        let ratios = self.values.iter().filter(|(_, who, _)| who == contestant);
        let ratios = ratios.filter_map(|(window, _, value)| {
            let peers = self
                .values
                .iter()
                .filter(|(of, who, _)| of == window && !who.is_lithify());
            let best = peers.map(|(_, _, peer)| *peer).reduce(|best, peer| {
                if self.is_better(peer, best) {
                    peer
                } else {
                    best
                }
            })?;
            match self.better {
                Better::Higher => Some(value / best),
                Better::Lower => Some(best / value),
                Better::Neither => None,
            }
        });
        Spread::of(ratios.collect())
    }

    fn is_better(&self, one: f64, other: f64) -> bool {
        match self.better {
            Better::Higher | Better::Neither => one > other,
            Better::Lower => one < other,
        }
    }
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
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let spread = Spread::of(vec![4.0, 1.0, 2.0, 3.0]).expect("there are numbers");
        assert_eq!(
            (spread.median, spread.lowest, spread.highest),
            (2.5, 1.0, 4.0)
        );
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
