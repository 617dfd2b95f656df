// SPDX-License-Identifier: Apache-2.0
//! CPU time of one decision by the cedar-policy crate: a question as `bench_policy --question`
//! prints it on standard input, one JSON object on standard output. `decide_ns` starts from
//! parsed entities and a parsed request, `decide_json_ns` from both as JSON text.

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use serde_json::Value;
use std::io::Read;

fn cpu_ns() -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    t.tv_sec as f64 * 1e9 + t.tv_nsec as f64
}

fn uid(v: &Value) -> EntityUid {
    EntityUid::from_json(v.clone()).expect("an entity's name")
}

fn request(v: &Value) -> Request {
    let context = Context::from_json_value(v["context"].clone(), None).expect("context");
    Request::new(uid(&v["principal"]), uid(&v["action"]), uid(&v["resource"]), context, None)
        .expect("request")
}

/// Nanoseconds a call, over at least half a second.
fn time<T>(mut once: impl FnMut() -> T) -> f64 {
    let (mut rounds, mut spent) = (1u64, 0.0);
    loop {
        let start = cpu_ns();
        for _ in 0..rounds {
            std::hint::black_box(once());
        }
        spent = f64::max(spent, cpu_ns() - start);
        if spent > 5e8 {
            return spent / rounds as f64;
        }
        rounds = (rounds as f64 * f64::min(10.0, 6e8 / f64::max(spent, 1e3))).ceil() as u64;
    }
}

fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("standard input");
    let q: Value = serde_json::from_str(&text).expect("a question");
    let start = cpu_ns();
    let policies: PolicySet = q["policies"].as_str().expect("text").parse().expect("policies");
    let load_ms = (cpu_ns() - start) / 1e6;
    let (entities_text, request_text) = (q["entities"].to_string(), q["request"].to_string());
    let entities = Entities::from_json_str(&entities_text, None).expect("entities");
    let asked = request(&q["request"]);
    let authorizer = Authorizer::new();
    let answer = authorizer.is_authorized(&asked, &policies, &entities);
    let decide_ns = time(|| authorizer.is_authorized(&asked, &policies, &entities));
    let decide_json_ns = time(|| {
        let entities = Entities::from_json_str(&entities_text, None).expect("entities");
        let asked = request(&serde_json::from_str(&request_text).expect("request"));
        authorizer.is_authorized(&asked, &policies, &entities)
    });
    println!(
        "{}",
        serde_json::json!({
            "version": cedar_policy::get_sdk_version().to_string(),
            "decision": if answer.decision() == Decision::Allow { "allow" } else { "deny" },
            "reasons": answer.diagnostics().reason().count(),
            "load_ms": load_ms, "decide_ns": decide_ns, "decide_json_ns": decide_json_ns,
        })
    );
}
