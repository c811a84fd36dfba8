//! Points, curves and areas of a picture, in pixels.

use std::fmt;

/// A point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

impl Point {
    #[expect(clippy::cast_precision_loss, reason = "no picture is that large")]
    pub(super) fn at(x: usize, y: usize) -> Self {
        Self { x: x as f64, y: y as f64 }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.x, self.y)
    }
}

/// A cubic Bézier curve: where it begins, what it bends to, and where it ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Curve(pub(super) [Point; 4]);

impl Curve {
    /// From left to right, level at both ends.
    pub(super) fn between(from: Point, to: Point) -> Self {
        let half = f64::midpoint(from.x, to.x);
        Self([from, Point { x: half, y: from.y }, Point { x: half, y: to.y }, to])
    }

    /// The point at a part of the way, from 0 to 1.
    pub(super) fn at(&self, part: f64) -> Point {
        let rest = 1.0 - part;
        let weights = [rest.powi(3), 3.0 * rest.powi(2) * part, 3.0 * rest * part.powi(2), part.powi(3)];
        let sum = |of: fn(&Point) -> f64| self.0.iter().zip(weights).map(|(point, weight)| of(point) * weight).sum();
        Point { x: sum(|point| point.x), y: sum(|point| point.y) }
    }
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    from: Point,
    to: Point,
}

impl Area {
    /// Between its left upper and its right lower corner.
    pub(super) fn new(from: Point, to: Point) -> Self {
        Self { from, to }
    }

    /// Around its middle.
    pub(super) fn around(middle: Point, width: usize, height: usize) -> Self {
        let Point { x, y } = Point::at(width, height);
        let (x, y) = (x / 2.0, y / 2.0);
        Self::new(Point { x: middle.x - x, y: middle.y - y }, Point { x: middle.x + x, y: middle.y + y })
    }

    pub(super) fn middle(&self) -> Point {
        Point { x: f64::midpoint(self.from.x, self.to.x), y: f64::midpoint(self.from.y, self.to.y) }
    }

    pub(super) fn top(&self) -> f64 {
        self.from.y
    }

    /// Whether two have something in common.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.from.x < other.to.x && other.from.x < self.to.x && self.from.y < other.to.y && other.from.y < self.to.y
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_begins_ends_and_has_its_middle_in_the_middle() {
        let curve = Curve::between(Point::at(0, 10), Point::at(100, 30));
        assert_eq!(curve.at(0.0), Point::at(0, 10));
        assert_eq!(curve.at(0.5), Point::at(50, 20));
        assert_eq!(curve.at(1.0), Point::at(100, 30));
    }

    #[test]
    fn areas_that_touch_do_not_meet() {
        let area = |x| Area::new(Point::at(x, 0), Point::at(x + 10, 10));
        assert!(area(0).meets(&area(9)) && !area(0).meets(&area(10)));
        assert_eq!(Area::around(Point::at(5, 5), 10, 10), area(0));
    }
}
