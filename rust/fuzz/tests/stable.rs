//! The fuzz targets on stable, over input that is generated from a seed; ROUNDS in the environment asks for more.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

/// Bytes of any kind (xorshift64*): random, of few letters, or like the documents and messages that are expected.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let letters = b"{}[]\":,0123456789abctfnulrse\\ -.";
        let (length, text) = (self.below(most + 1), self.below(2) == 0);
        let mut one = || self.next().to_le_bytes()[3];
        let any = |byte: u8| if text { letters[usize::from(byte) % letters.len()] } else { byte };
        (0..length).map(|_| any(one())).collect()
    }

    /// An entry with a few bytes altered: most of what a careless parser takes is near to what it should take.
    fn entry(&mut self) -> Vec<u8> {
        let mut found = ENTRY.as_bytes().to_vec();
        for _ in 0..self.below(4) {
            let (at, edit) = (self.below(found.len() as u64) as usize, self.bytes(3));
            found.splice(at..(at + self.below(3) as usize).min(found.len()), edit);
        }
        found
    }
}

const ENTRY: &str = r#"{"body":{"digest":"00","n":-1,"signature":"11"},"evidence":[{"payload":"e30=","payloadType":"a","signatures":[{"keyid":"0000000000000000000000000000000000000000000000000000000000000000","sig":"AAAA"}]}],"kind":"x","text":"\u0007é\n","time":12}"#;

fn rounds(usual: u64) -> u64 {
    std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).map_or(usual, |factor: u64| usual * factor)
}

#[test]
fn any_bytes_are_read_or_not_and_never_stop_the_reader() {
    let mut dice = Dice(1);
    for round in 0..rounds(20_000) {
        strongroom_fuzz::reading(&if round % 2 == 0 { dice.bytes(300) } else { dice.entry() });
    }
    strongroom_fuzz::reading(ENTRY.as_bytes());
    strongroom_fuzz::reading("[".repeat(65_536).as_bytes());
    strongroom_fuzz::reading(&[b"{\"a\":".repeat(30), b"1".to_vec(), b"}".repeat(30)].concat());
}

#[test]
fn any_bytes_are_a_message_in_one_encoding_or_none() {
    let mut dice = Dice(2);
    for _ in 0..rounds(20_000) {
        let mut data = dice.bytes(200);
        if let Some(first) = data.first_mut() {
            *first &= 1; // often the version
        }
        strongroom_fuzz::frames(&data);
    }
}

#[test]
fn an_altered_share_does_not_open() {
    let mut dice = Dice(3);
    strongroom_fuzz::shares(&[]);
    for _ in 0..rounds(500) {
        strongroom_fuzz::shares(&dice.bytes(12));
    }
}

#[test]
fn one_false_message_ends_a_session_or_changes_nothing() {
    let mut dice = Dice(4);
    for _ in 0..rounds(100) {
        strongroom_fuzz::sessions(&dice.bytes(40));
    }
}
