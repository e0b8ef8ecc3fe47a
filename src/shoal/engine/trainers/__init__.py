"""Who trains a fit: one trainer a file, each with the methods of `Trainer`; and who trains which job."""
