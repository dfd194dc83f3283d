"""What the console and a person's own machine share: how pages look and are drawn, their acts, how forms come back."""
