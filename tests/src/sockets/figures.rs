//! What nodes say about themselves on `/metrics`, as far as a comparison needs it. It must not know how nodes run.

/// Figures of one node, or of several added up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Copies of messages that came on the topic, duplicates included.
    pub copies: f64,
    /// Messages that came for the first time.
    pub firsts: f64,
    /// Peers that listen to the topic.
    pub listeners: f64,
    /// Those of them in the node's mesh.
    pub neighbours: f64,
    /// Commits by their time: upper bound in seconds, and how many took no longer.
    pub commits: Vec<(f64, f64)>,
}

impl Figures {
    /// Reads a page; `scope` is whose topic is meant.
    pub fn read(page: &str, scope: &str) -> Self {
        let family = |name: &str| -> f64 { on_topic(page, name, scope).sum() };
        let commits = samples(page, "driftless_commit_seconds_bucket");
        Self {
            copies: family("libp2p_gossipsub_router_topic_msg_recv_counts_unfiltered_total"),
            firsts: family("libp2p_gossipsub_router_topic_msg_recv_counts_total"),
            listeners: family("libp2p_gossipsub_router_topic_peers_counts"),
            neighbours: family("libp2p_gossipsub_router_mesh_peer_counts"),
            commits: commits.filter_map(|(labels, count)| Some((label(labels, "le")?.parse().ok()?, count))).collect(),
        }
    }

    /// Adds another node's.
    pub fn add(&mut self, other: &Self) {
        self.copies += other.copies;
        self.firsts += other.firsts;
        self.listeners += other.listeners;
        self.neighbours += other.neighbours;
        if self.commits.is_empty() {
            self.commits = other.commits.iter().map(|(bound, _)| (*bound, 0.0)).collect();
        }
        self.commits.iter_mut().zip(&other.commits).for_each(|((_, sum), (_, count))| *sum += count);
    }

    /// What came on top of what there was before.
    pub fn since(&self, before: &Self) -> Self {
        let commits = self.commits.iter().zip(&before.commits).map(|((bound, now), (_, then))| (*bound, now - then));
        Self {
            // The others are what they are now.
            copies: self.copies - before.copies,
            firsts: self.firsts - before.firsts,
            commits: commits.collect(),
            ..*self
        }
    }

    /// Milliseconds that a share of the commits did not exceed; within a bar all times are taken for equally likely on a
    /// logarithmic scale.
    pub fn commit_ms(&self, share: f64) -> f64 {
        let all = self.commits.last().map_or(0.0, |(_, count)| *count);
        let (mut floor, mut below) = (0.000_05, 0.0);
        for (bound, count) in &self.commits {
            if *count >= all * share && *count > below {
                let within = (all * share - below) / (count - below);
                let bound = if bound.is_finite() { *bound } else { floor };
                return floor * (bound / floor).powf(within) * 1e3;
            }
            (floor, below) = (*bound, *count);
        }
        0.0
    }
}

/// Samples of one family, with the text of their labels.
fn samples<'a>(page: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
    page.lines().filter_map(move |line| {
        let (labels, value) = line.strip_prefix(name)?.strip_prefix('{')?.rsplit_once("} ")?;
        Some((labels, value.split_whitespace().next()?.parse().ok()?))
    })
}

fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'))
}

/// Samples of a topic's family: gossipsub labels some with `hash`, some with `topic_hash`, and splits those.
fn on_topic<'a>(page: &'a str, name: &'a str, scope: &'a str) -> impl Iterator<Item = f64> {
    let of_scope = move |labels: &str| {
        let topic = label(labels, "hash").or_else(|| label(labels, "topic_hash"));
        topic.is_some_and(|topic| topic.rsplit('/').next() == Some(scope))
    };
    samples(page, name).filter(move |(labels, _)| of_scope(labels)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "libp2p_gossipsub_router_topic_msg_recv_counts_total{hash=\"driftless/ab/app\"} 40\n\
        libp2p_gossipsub_router_topic_msg_recv_counts_total{hash=\"driftless/ab/@beacons\"} 7\n\
        libp2p_gossipsub_router_topic_msg_recv_counts_unfiltered_total{hash=\"driftless/ab/app\"} 90\n\
        libp2p_gossipsub_router_mesh_peer_counts{supports_partial=\"true\",topic_hash=\"driftless/ab/app\"} 0\n\
        libp2p_gossipsub_router_mesh_peer_counts{supports_partial=\"false\",topic_hash=\"driftless/ab/app\"} 5\n\
        driftless_commit_seconds_bucket{le=\"0.001\"} 10\n\
        driftless_commit_seconds_bucket{le=\"0.004\"} 90\n\
        driftless_commit_seconds_bucket{le=\"+Inf\"} 100\n";

    #[test]
    fn other_topics_are_left_out() {
        let figures = Figures::read(PAGE, "app");
        assert_eq!((figures.firsts, figures.copies, figures.neighbours), (40.0, 90.0, 5.0));
    }

    #[test]
    fn a_commit_in_the_middle_of_a_bar_took_the_geometric_middle() {
        let figures = Figures::read(PAGE, "app");
        assert!((figures.commit_ms(0.5) - 2.0).abs() < 1e-9, "{}", figures.commit_ms(0.5));
        assert_eq!(figures.since(&figures).commit_ms(0.5), 0.0);
    }
}
