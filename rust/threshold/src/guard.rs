//! No panic crosses the border of this crate's callers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Refusal, Result};

/// Run `work`; a panic below becomes the refusal `core.panic`. Its payload is dropped unread: a library's
/// message could quote a secret. A session that panicked has already lost its phase and stays finished.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Refusal::new("core.panic", "the threshold core stopped; the session is lost")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Purpose;
    use crate::scheme::{Parameters, Scheme};
    use crate::session::{Awaits, Phase, Round, Session, Setup, Turn};

    struct Panics;

    impl Phase for Panics {
        fn awaits(&self) -> Awaits {
            Awaits::Nothing
        }
        fn run(self: Box<Self>, _: Round) -> Result<Turn> {
            panic!("a secret")
        }
    }

    #[test]
    fn a_panic_is_a_refusal_and_ends_the_session() {
        let parameters = Parameters::new(3, 2).unwrap();
        let participants = parameters.everyone();
        let setup = Setup::new(Scheme::Ed25519Frost, Purpose::Keygen, [0; 32], parameters, 0, 1, participants, &[]);
        let mut session = Session::new(setup.unwrap().into(), Box::new(Panics));
        let refusal = guarded(|| session.step(Vec::new())).err().unwrap();
        assert_eq!(refusal.code, "core.panic");
        assert!(!refusal.message.contains("secret"));
        assert_eq!(guarded(|| session.step(Vec::new())).err().unwrap().code, "session.finished");
    }
}
