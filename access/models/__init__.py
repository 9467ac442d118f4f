from access.models.agreements import Agreement, AgreementVersion, Consent, Signature
from access.models.audit import Chain, Entry, EntryText
from access.models.files import StoredFile
from access.models.halts import Halt
from access.models.messages import Notice, Outbox
from access.models.people import Credential, Person, User
from access.models.programs import Cohort, Conflict, Enrollment, Invitation, Program, Role

__all__ = [
    "Agreement",
    "AgreementVersion",
    "Chain",
    "Cohort",
    "Conflict",
    "Consent",
    "Credential",
    "Enrollment",
    "Entry",
    "EntryText",
    "Halt",
    "Invitation",
    "Notice",
    "Outbox",
    "Person",
    "Program",
    "Role",
    "Signature",
    "StoredFile",
    "User",
]
