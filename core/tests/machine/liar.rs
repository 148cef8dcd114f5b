//! A member that lies in reconciliation: it costs what one session may, and not again at once.

use driftless_core::machine::{Effect, Event};
use driftless_core::wire::{Request, Response};
use driftless_statement::{Hlc, Scope, Verb};

use crate::world::{World, key};

/// Differences without end of which nothing ever comes.
fn endless(request: &Request) -> Response {
    match request {
        Request::Compare { scope, .. } if scope.is_mesh() => Response::Same,
        Request::Compare { .. } => Response::Differ { tag: 1, count: 1 << 40, symbols: Vec::new() },
        Request::Range { from, .. } => {
            let mut upto = *from;
            upto.0[3] = upto.0[3].wrapping_add(1);
            upto.0[2] += u8::from(upto.0[3] == 0);
            Response::Ids { ids: vec![(*from, Hlc(1))], upto: Some(upto) }
        }
        Request::Pull { shorts, .. } => {
            Response::Statements { statements: Vec::new(), missing: (0..shorts.len()).collect() }
        }
        Request::Push { .. } => Response::Taken { taken: 0, refused: Vec::new() },
        other => panic!("asked a liar {other:?}"),
    }
}

#[test]
fn a_session_in_which_nothing_came_is_not_followed_by_another_at_once() {
    let mut world = World::founded(2);
    world.put(0, "shop/key", "1");
    world.run_ms(3_000);
    let liar = key(60).public();
    let grant = world.grant(liar, Verb::Member, "shop", world.now_ms);
    world.submit(0, grant);
    world.run_ms(3_000);
    let (mut events, mut compared, mut asked) = (vec![Event::Connected { peer: liar }], 0, 0);
    while let Some(event) = events.pop() {
        let now = world.now(0);
        let mut effects = Vec::new();
        world.nodes[0].machine.handle(now, event, &mut effects);
        for effect in effects {
            let Effect::Request { peer, corr, bytes } = effect else { continue };
            if peer != liar {
                continue;
            }
            let request = Request::decode(&bytes).unwrap();
            asked += 1;
            let of_shop = request.scope().map(Scope::as_str) == Some("shop");
            compared += usize::from(of_shop && matches!(request, Request::Compare { .. }));
            assert!(compared < 2, "compared again at once");
            events.push(Event::Response { peer, corr, bytes: endless(&request).encode() });
        }
    }
    assert_eq!(compared, 1);
    assert!(asked > 1_000, "the session went to its bound: {asked}");
}
