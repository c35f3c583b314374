"""A customer, declared as in a typical hand-written service."""

from __future__ import annotations

from pydantic import BaseModel


class Customer(BaseModel):
    """The columns of the IBM Telco table."""

    customerID: str | None = None  # noqa: N815
    gender: str
    SeniorCitizen: int
    Partner: str
    Dependents: str
    tenure: int
    PhoneService: str
    MultipleLines: str
    InternetService: str
    OnlineSecurity: str
    OnlineBackup: str
    DeviceProtection: str
    TechSupport: str
    StreamingTV: str
    StreamingMovies: str
    Contract: str
    PaperlessBilling: str
    PaymentMethod: str
    MonthlyCharges: float
    TotalCharges: float | None = None
