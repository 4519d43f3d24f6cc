//! Rows as the server itself makes them, many times: what is copied is a row it wrote, and only what tells one row from
//! the next is changed. So the generator knows no more of the schema than its keys.

/// A row that the server wrote, kept aside in a temporary table before there are others like it.
pub struct Original {
    /// The temporary table.
    pub name: &'static str,
    /// Where it is.
    pub table: &'static str,
    /// Which it is.
    pub condition: &'static str,
}

const CLIENT: Original = Original {
    name: "original_client",
    table: "clients",
    condition: "client_id = 'template'",
};

const PERSON: Original = Original {
    name: "original_person",
    table: "users",
    condition: "normalized_username = 'person-0'",
};

const GRANT: Original = Original {
    name: "original_grant",
    table: "grants",
    condition: "client_id = 'bench'",
};

/// A token that was rotated, and whose successor was not used yet.
const SPENT: Original = Original {
    name: "original_spent",
    table: "refresh_tokens",
    condition: "nonce_sealed IS NOT NULL",
};

/// Its successor.
const LIVE: Original = Original {
    name: "original_live",
    table: "refresh_tokens",
    condition: "predecessor_hash IS NOT NULL",
};

/// Every original.
pub const ORIGINALS: [&Original; 5] = [&CLIENT, &PERSON, &GRANT, &SPENT, &LIVE];

impl Original {
    /// The statement that keeps it aside.
    pub fn statement(&self) -> String {
        format!(
            "CREATE TEMPORARY TABLE {} AS SELECT * FROM {} WHERE {} LIMIT 1",
            self.name, self.table, self.condition
        )
    }
}

/// A copy of an original for every row of the table of keys, `k`.
pub struct Copy {
    /// The original.
    pub of: &'static Original,
    /// Columns that differ from the original's, each with an expression over `k` and the original, `t`.
    changed: &'static [(&'static str, &'static str)],
    /// The rows of `k`.
    keys: &'static str,
    /// In this order: a tree that grows at its end grows fast.
    order: &'static str,
}

/// Every second grant is of the client that the measurements use.
const OF_SOME_CLIENT: (&str, &str) = (
    "client_id",
    "CASE WHEN k.n % 2 = 0 THEN t.client_id ELSE 'client-' || (k.n % k.clients + 1) END",
);

/// Everything: each key is a person with a grant and its two refresh tokens, the first ones are clients too.
pub const EVERYTHING: [Copy; 5] = [
    Copy {
        of: &CLIENT,
        changed: &[("client_id", "'client-' || k.n"), ("name", "'Client ' || k.n")],
        keys: "k.n <= k.clients",
        order: "k.n",
    },
    Copy {
        of: &PERSON,
        changed: &[
            ("id", "k.person"),
            ("username", "'somebody-' || k.n"),
            ("normalized_username", "'somebody-' || k.n"),
            ("pseudonym", "k.pseudonym"),
        ],
        keys: "true",
        order: "k.person",
    },
    Copy {
        of: &GRANT,
        changed: &[
            ("id", "k.family"),
            ("user_id", "k.person"),
            OF_SOME_CLIENT,
            ("session_id", "NULL"),
            ("expires_at", "t.expires_at + k.n"),
        ],
        keys: "true",
        order: "k.family",
    },
    Copy {
        of: &SPENT,
        changed: &[
            ("hash", "k.spent"),
            ("grant_id", "k.family"),
            OF_SOME_CLIENT,
            ("expires_at", "t.expires_at + k.n"),
            // The use of its successor erases the nonce, no purge meanwhile.
            ("grace_until", "t.expires_at"),
        ],
        keys: "true",
        order: "k.spent",
    },
    Copy {
        of: &LIVE,
        changed: &[
            ("hash", "k.live"),
            ("grant_id", "k.family"),
            OF_SOME_CLIENT,
            ("expires_at", "t.expires_at + k.n"),
            ("predecessor_hash", "k.spent"),
        ],
        keys: "true",
        order: "k.live",
    },
];

/// Families of one person that have expired: a grant, a spent token and a live one each.
pub const EXPIRED: [Copy; 3] = [
    Copy {
        of: &GRANT,
        changed: &[("id", "k.family"), ("session_id", "NULL"), ("expires_at", "k.n")],
        keys: "true",
        order: "k.family",
    },
    Copy {
        of: &SPENT,
        changed: &[
            ("hash", "k.spent"),
            ("grant_id", "k.family"),
            ("expires_at", "k.n"),
            ("nonce_sealed", "NULL"),
            ("grace_until", "k.n"),
        ],
        keys: "true",
        order: "k.spent",
    },
    Copy {
        of: &LIVE,
        changed: &[
            ("hash", "k.live"),
            ("grant_id", "k.family"),
            ("expires_at", "k.n"),
            ("predecessor_hash", "NULL"),
        ],
        keys: "true",
        order: "k.live",
    },
];

impl Copy {
    /// The statement that copies, for a table with these columns.
    pub fn statement(&self, columns: &[String]) -> String {
        let expressions = columns.iter().map(|column| {
            let changed = self.changed.iter().find(|(name, _)| name == column);
            changed.map_or_else(|| format!("t.{column}"), |(_, text)| (*text).to_owned())
        });
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM keys AS k CROSS JOIN {} AS t WHERE {} ORDER BY {}",
            self.of.table,
            columns.join(", "),
            expressions.collect::<Vec<_>>().join(", "),
            self.of.name,
            self.keys,
            self.order,
        )
    }
}
